import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { RawData } from 'ws';
import { capture } from './support/capture.js';
import { connect, eventually } from './support/client.js';
import { deferred } from './support/harness.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('flow on $name', (subject) => {
  it('calls back for a message that was sent', async () => {
    const { client, server } = await capture(subject);
    const results: unknown[] = [];
    server.send('plain', (error) => results.push(['plain', error ?? null]));
    server.send('options', { binary: false }, (error) => results.push(['options', error ?? null]));
    expect(results).toEqual([]);
    expect((await client.next()).text).toBe('plain');
    expect((await client.next()).text).toBe('options');
    await eventually(() =>
      expect(results).toEqual([
        ['plain', null],
        ['options', null],
      ]),
    );
  });

  it('takes messages after the close without throwing and calls back with an error', async () => {
    const { client, server } = await capture(subject);
    const closed = once(server, 'close');
    server.close(4000);
    expect(server.readyState).toBe(server.CLOSING);
    const closing = deferred<Error | undefined>();
    server.send('while closing', closing.resolve);
    await closed;
    expect(server.readyState).toBe(server.CLOSED);
    const after = deferred<Error | undefined>();
    let isSynchronous = true;
    server.send('after', (error) => {
      expect(isSynchronous).toBe(false);
      after.resolve(error);
    });
    isSynchronous = false;
    server.send('without a callback');
    server.ping();
    server.pong();
    server.close();
    server.close(4001, 'again');
    server.terminate();
    server.pause();
    server.resume();
    expect(await closing.promise).toBeInstanceOf(Error);
    expect(await after.promise).toBeInstanceOf(Error);
    expect(await client.closed).toEqual({ code: 4000, reason: '' });
    expect(client.inbox).toEqual([]);
  });

  it('goes through the ready states', async () => {
    const { client, server } = await capture(subject);
    const states: number[] = [server.readyState];
    const closed = once(server, 'close').then(() => states.push(server.readyState));
    server.close(1000);
    states.push(server.readyState);
    await closed;
    expect(states).toEqual([server.OPEN, server.CLOSING, server.CLOSED]);
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  it('is closed for its own listeners before any close event', async () => {
    const { client, server } = await capture(subject);
    const states: number[] = [];
    server.prependListener('close', () => states.push(server.readyState));
    server.on('close', () => states.push(server.readyState));
    await client.close(1000);
    await eventually(() => expect(states).toEqual([server.CLOSED, server.CLOSED]));
  });

  it('pings the client and gets its pong with the data', async () => {
    const { client, server } = await capture(subject);
    const pinged = once(client.socket, 'ping');
    const ponged = once(server, 'pong');
    server.ping('are you there');
    expect(String((await pinged)[0])).toBe('are you there');
    expect(String((await ponged)[0])).toBe('are you there');
    const empty = once(server, 'pong');
    server.ping();
    expect(Buffer.from((await empty)[0] as Buffer).length).toBe(0);
  });

  it('sends an unsolicited pong both ways', async () => {
    const { client, server } = await capture(subject);
    const atClient = once(client.socket, 'pong');
    server.pong('from the server');
    expect(String((await atClient)[0])).toBe('from the server');
    const atServer = once(server, 'pong');
    client.socket.pong('from the client');
    expect(String((await atServer)[0])).toBe('from the client');
  });

  it("answers the client's pings with their data", async () => {
    const { client } = await capture(subject);
    for (const data of ['one', '', 'x'.repeat(125)]) {
      const ponged = once(client.socket, 'pong');
      client.socket.ping(data);
      expect(String((await ponged)[0])).toBe(data);
    }
    expect(await client.ask('fine')).toBe('fine');
  });

  it('counts what waits to be sent', async () => {
    const { client, server } = await capture(subject);
    expect(server.bufferedAmount).toBe(0);
    server.send(Buffer.alloc(100_000));
    expect(server.bufferedAmount).toBeTypeOf('number');
    expect((await client.next()).data.length).toBe(100_000);
    await eventually(() => expect(server.bufferedAmount).toBe(0));
  });

  it('sends everything to a client that reads late', async () => {
    const { client, server } = await capture(subject);
    const size = 64 * 1024;
    const count = 64;
    client.socket.pause();
    let sent = 0;
    for (let index = 0; index < count; index += 1) {
      server.send(Buffer.alloc(size, index), (error) => (sent += error ? 0 : 1));
    }
    client.socket.resume();
    for (let index = 0; index < count; index += 1) {
      const { data } = await client.next();
      expect([data.length, data[0], data.at(-1)]).toEqual([size, index, index]);
    }
    await eventually(() => expect([sent, server.bufferedAmount]).toEqual([count, 0]));
  });

  it('stops delivery on pause and restarts it on resume', async () => {
    const { running, client, server } = await capture(subject);
    const seen: string[] = [];
    server.on('message', (data: RawData) => seen.push(data.toString()));
    server.pause();
    expect(server.isPaused).toBe(true);
    ['one', 'two', 'three'].forEach((text) => client.socket.send(text));
    // Others are served meanwhile, and long enough for the messages to arrive.
    const other = await connect(running.url('/captured'));
    for (let round = 0; round < 20; round += 1) {
      expect(await other.ask('fine')).toBe('fine');
    }
    expect(seen).toEqual([]);
    // Only reading is paused.
    server.send('still sending');
    expect((await client.next()).text).toBe('still sending');
    server.resume();
    expect(server.isPaused).toBe(false);
    expect(await client.ask('fine')).toBe('fine');
    expect(seen).toEqual(['one', 'two', 'three', '{"event":"fine"}']);
  });
});
