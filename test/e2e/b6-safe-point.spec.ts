import { describe, expect, it } from 'vitest';
import { connect, eventually } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';
import { NumberedClient, numbersTo } from './support/numbered-client.js';

/** B6: when and how a client moves. */
describe('a client moves', () => {
  it('right after its current message is handled; what it sends meanwhile waits for the new server', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const busy = await connect(deployment.url('/chat'));
    const idle = await connect(deployment.url('/chat'));
    busy.emit('slow', 1);
    await a.seen('waiting', { gate: 'slow' });
    await deployment.join(b);

    const draining = a.drain();
    // The idle one was asked last, and is gone: the busy one has been asked too.
    await b.seen('connect');
    expect(await idle.ask('who')).toMatchObject({ data: { server: 'b' } });
    for (const n of [2, 3, 4]) busy.emit('echo', n);
    expect(await deployment.statsOf(a)).toMatchObject({ connections: 1 });
    expect(busy.inbox).toEqual([]);
    await a.open('slow');
    expect(await busy.take(4)).toEqual([
      { event: 'slow', data: { server: 'a', n: 1 } },
      { event: 'echo', data: { server: 'b', n: 2 } },
      { event: 'echo', data: { server: 'b', n: 3 } },
      { event: 'echo', data: { server: 'b', n: 4 } },
    ]);
    expect(await draining).toEqual(drained(2));
    expect(a.eventsOf('message')).toEqual([]);
    expect(b.eventsOf('message').map(({ n }) => n)).toEqual([2, 3, 4]);
  });

  it('without traffic when it is idle', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => connect(deployment.url('/chat'))),
    );
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(50));
    expect(await deployment.stats()).toMatchObject({ clients: 50, migrations: 50 });
    expect(await b.ask('broadcast', 'hello')).toBe(50);
    for (const client of clients) {
      expect(await client.json()).toEqual({
        event: 'broadcast',
        data: { server: 'b', data: 'hello' },
      });
    }
    expect(b.eventsOf('message')).toEqual([]);
  });

  it('with all that was sent to it when it reads slowly', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    client.emit('flood', 100_000);
    client.socket.pause();
    const [{ bufferedAmount }] = (await a.seen('flooded')) as [
      { event: string; bufferedAmount: number },
    ];
    expect(bufferedAmount).toBeGreaterThan(1_000_000);
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(1));
    expect(await b.ask('broadcast', 'behind it')).toBe(1);
    client.socket.resume();
    const received = (await client.take(101)) as { data: { server: string; n?: number } }[];
    expect(received.map(({ data }) => data.n)).toEqual([...numbersTo(100), undefined]);
    expect(received.at(-1)!.data).toEqual({ server: 'b', data: 'behind it' });
  });

  it('with nothing lost, doubled or reordered while it sends all the time', async () => {
    const deployment = await Deployment.start();
    const hubs = await Promise.all(['a', 'b', 'c'].map((name) => deployment.prepare(name)));
    const [a, b, c] = hubs as [(typeof hubs)[0], (typeof hubs)[0], (typeof hubs)[0]];
    await deployment.join(a);
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => NumberedClient.connect(deployment.url('/chat'))),
    );
    for (const client of clients) client.start();
    const allServedBy = (server: string) =>
      eventually(() => {
        for (const { answers } of clients) expect(answers.at(-1)?.server).toBe(server);
      });
    await allServedBy('a');
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(20));
    await allServedBy('b');
    await deployment.join(c);
    expect(await b.drain()).toEqual(drained(20));
    await allServedBy('c');
    for (const client of clients) client.stop();
    await eventually(() => {
      for (const { answers, sent } of clients) expect(answers.length).toBe(sent);
    });

    const handled = new Map<unknown, unknown[]>();
    for (const { connectionId, n } of hubs.flatMap((hub) => hub.eventsOf('message'))) {
      handled.set(connectionId, [...(handled.get(connectionId) ?? []), n]);
    }
    expect(handled.size).toBe(20);
    const bySent = (list: unknown[][]) => list.map((numbers) => numbers.length).sort();
    expect(bySent([...handled.values()])).toEqual(bySent(clients.map(({ answers }) => answers)));
    for (const numbers of handled.values()) expect(numbers).toEqual(numbersTo(numbers.length));
    for (const client of clients) {
      expect(client.answers.map(({ n }) => n)).toEqual(numbersTo(client.sent));
      expect(client.servers).toEqual(['a', 'b', 'c']);
    }
  });
});
