import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { connect } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

const LIMIT_BYTES = 1_048_576;

/** A message with so many bytes that the gateway answers with the length of its text. */
function sized(bytes: number): { text: string; size: number } {
  const size = bytes - JSON.stringify({ event: 'size', data: '' }).length;
  return { text: JSON.stringify({ event: 'size', data: 'x'.repeat(size) }), size };
}

describe('a message during a deploy', () => {
  it('that comes in fragments over a move is delivered whole, once, to the new server', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'a' } });
    await deployment.join(b);

    const { text, size } = sized(100_000);
    client.socket.send(text.slice(0, 1000), { fin: false });
    client.socket.send(text.slice(1000, 60_000), { fin: false });
    // A pong shows that the relay has read this far, in the middle of the message.
    client.socket.ping('between fragments');
    const [pong] = (await once(client.socket, 'pong')) as [Buffer];
    expect(pong.toString()).toBe('between fragments');
    expect(await a.drain()).toEqual(drained(1));
    client.socket.ping();
    await once(client.socket, 'pong');
    client.socket.send(text.slice(60_000), { fin: true });
    expect(await client.json()).toEqual({ event: 'size', data: { server: 'b', size } });
    expect(await client.ask('echo', 'next')).toMatchObject({ data: { server: 'b', n: 'next' } });
    expect(a.eventsOf('message')).toEqual([]);
    expect(b.eventsOf('message')).toMatchObject([{ size }, { n: 'next' }]);
    expect(client.inbox).toEqual([]);
  });

  it('that is sent while its connection moves is delivered whole, once', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    const signal = await connect(deployment.url('/chat'));
    client.emit('slow', 1);
    await a.seen('waiting');
    await deployment.join(b);
    // Not so much that the relay stops reading from the client.
    const { text, size } = sized(900_000);
    client.socket.send(text.slice(0, 500_000), { fin: false });
    const draining = a.drain();
    // The other client was asked after this one: this one is held now.
    await b.seen('connect');
    expect(await signal.ask('who')).toMatchObject({ data: { server: 'b' } });
    client.socket.send(text.slice(500_000), { fin: true });
    client.socket.ping();
    await once(client.socket, 'pong');
    await a.open('slow');
    expect(await client.take(2)).toEqual([
      { event: 'slow', data: { server: 'a', n: 1 } },
      { event: 'size', data: { server: 'b', size } },
    ]);
    expect(await draining).toEqual(drained(2));
  });

  it('may have 1 MiB and not one byte more', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const [small, large] = [
      await connect(deployment.url('/chat')),
      await connect(deployment.url('/chat')),
    ];
    const busy = await connect(deployment.url('/chat'));
    busy.emit('slow', 1);
    await a.seen('waiting');
    await deployment.join(b);
    const draining = a.drain();
    await deployment.isOffline(a);

    const { text, size } = sized(LIMIT_BYTES);
    small.socket.send(text);
    large.socket.send(`${text} `);
    expect(await small.json()).toMatchObject({ event: 'size', data: { size } });
    expect(await large.closed).toMatchObject({ code: 1009 });
    expect(large.inbox).toEqual([]);
    // In fragments it is the sum that counts.
    small.socket.send(text, { fin: false });
    small.socket.send(' ', { fin: true });
    expect(await small.closed).toMatchObject({ code: 1009 });
    const sizes = [a, b].flatMap((hub) => hub.eventsOf('message').map((it) => it.size));
    expect(sizes).toEqual([size]);

    // The deploy and the relay go on.
    await a.open('slow');
    expect((await draining).migrated).toBeGreaterThan(0);
    await busy.next();
    expect(await busy.ask('who')).toMatchObject({ data: { server: 'b' } });
  });
});
