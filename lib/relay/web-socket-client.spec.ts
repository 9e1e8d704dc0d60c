import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestRelay, upgradeRequest, until } from '../../test/support/relay-fixture.js';
import type { TestClient, TestHub } from '../../test/support/relay-fixture.js';
import type { MigrationOptions } from '../options/index.js';
import type { Endpoint } from '../protocol/messages.js';

const MEBIBYTE = 1_048_576;

/** Who reads and writes frames. */
let clientFrames: 'own' | 'ws';
let relay: TestRelay;
let hub: TestHub;

async function start(
  relayOptions: MigrationOptions['relay'] = {},
  endpoint: Partial<Endpoint> = {},
) {
  relay = await TestRelay.start({ relay: { clientFrames, ...relayOptions } });
  hub = relay.hub([{ port: 0, path: '/chat', ...endpoint }]);
}
afterEach(() => relay.stop());

async function opened(...args: Parameters<TestRelay['client']>): Promise<TestClient> {
  const client = relay.client(...args);
  await until(() => expect(client.open).toBe(true));
  return client;
}
const link = () => hub.links[0]!;

/** A masked frame as a client sends it; the mask is zero. */
function frame(opcode: number, payload: string | Buffer, final = true): Buffer {
  const data = Buffer.from(payload);
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, 0x80 | data.length, 0, 0, 0, 0]);
  return Buffer.concat([head, data]);
}

async function openedRaw() {
  const raw = relay.raw(upgradeRequest('/chat'));
  await until(() => expect(raw.received).toContain('101 Switching Protocols'));
  return raw;
}

describe.each(['own', 'ws'] as const)('a client whose frames are read by: %s', (frames) => {
  beforeEach(() => {
    clientFrames = frames;
  });

  it('exchanges text and binary messages, in order', async () => {
    await start();
    hub.onOpen = (it) => {
      it.accept();
      it.send('at once');
    };
    const client = await opened();
    client.ws.send('hëllo');
    client.ws.send(Buffer.from([0, 255]));
    client.ws.send('');
    await until(() => expect(link().messages).toHaveLength(3));
    expect(link().messages.map(({ data, binary }) => [data.toString('latin1'), binary])).toEqual([
      [Buffer.from('hëllo').toString('latin1'), false],
      ['\0\xff', true],
      ['', false],
    ]);
    for (let i = 0; i < 100; i++) link().send(i % 2 ? Buffer.from(`${i}`) : `${i}`, i % 2 === 1);
    await until(() => expect(client.messages).toHaveLength(101));
    const [first, ...rest] = client.messages.map(({ data }) => data.toString());
    expect(first).toBe('at once');
    expect(rest).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(client.messages.slice(1).every(({ binary }, i) => binary === (i % 2 === 1))).toBe(true);
  });

  it('may send 1 MiB, and is closed with 1009 for one byte more', async () => {
    await start();
    const client = await opened();
    client.ws.send('x'.repeat(MEBIBYTE));
    await until(() => expect(link().messages).toHaveLength(1));
    expect(link().messages[0]!.data).toHaveLength(MEBIBYTE);
    client.ws.send('x'.repeat(MEBIBYTE + 1));
    await until(() => expect(client.closed?.code).toBe(1009));
    await until(() => expect(link().closed).toEqual({ code: 1009, reason: '' }));
    expect(link().messages).toHaveLength(1);
  });

  it('is held to a smaller limit of its gateway', async () => {
    await start({}, { maxPayload: 100 });
    const client = await opened();
    client.ws.send('x'.repeat(101));
    await until(() => expect(client.closed?.code).toBe(1009));
  });

  it('may send a message in fragments', async () => {
    await start();
    const raw = await openedRaw();
    raw.socket.write(frame(1, 'one ', false));
    raw.socket.write(frame(9, 'ping in between'));
    raw.socket.write(frame(0, 'two ', false));
    await until(() => expect(raw.received).toContain('ping in between'));
    expect(link().messages).toEqual([]);
    raw.socket.write(frame(0, 'three'));
    await until(() => expect(link().messages[0]?.data.toString()).toBe('one two three'));
  });

  it('gets what it sent before the answer delivered', async () => {
    await start();
    hub.onOpen = () => {};
    const raw = relay.raw(Buffer.concat([Buffer.from(upgradeRequest('/chat')), frame(1, 'first')]));
    await until(() => expect(hub.links).toHaveLength(1));
    raw.socket.write(frame(1, 'second'));
    link().accept();
    raw.socket.write(frame(1, 'third'));
    await until(() => expect(link().messages).toHaveLength(3));
    expect(link().messages.map(({ data }) => data.toString())).toEqual([
      'first',
      'second',
      'third',
    ]);
  });

  it.each([
    ['text that is no UTF-8', frame(1, Buffer.from([0xc3, 0x28])), 1007],
    ['an unknown opcode', frame(3, 'x'), 1002],
    ['a frame that is not masked', Buffer.from([0x81, 0x01, 0x41]), 1002],
    ['random bytes', Buffer.from('ffeeddccbbaa99887766', 'hex'), 1002],
  ])('that sends %s is closed', async (_, bytes, code) => {
    await start();
    const other = await opened();
    const raw = await openedRaw();
    raw.socket.write(bytes);
    await until(() => expect(hub.links[1]!.closed?.code).toBe(code));
    await until(() => expect(raw.ended).toBe(true));
    expect(Buffer.from(raw.received, 'latin1').subarray(-4)).toEqual(
      Buffer.from([0x88, 2, code >> 8, code & 255]),
    );
    expect(other.open).toBe(true);
  });

  it('negotiates a subprotocol and compression', async () => {
    await start({}, { compress: true });
    hub.onOpen = (it) => it.accept('second');
    const client = await opened('/chat', {}, ['first', 'second']);
    expect(client.ws.protocol).toBe('second');
    expect(client.ws.extensions).toBe('permessage-deflate');
    client.ws.send('x'.repeat(5000));
    link().send('y'.repeat(5000));
    await until(() => expect(link().messages[0]?.data).toHaveLength(5000));
    await until(() => expect(client.messages[0]?.data).toHaveLength(5000));
  });

  it('is offered neither when the hub server wants none', async () => {
    await start();
    const client = await opened('/chat', {});
    expect(client.ws.extensions).toBe('');
    hub.onOpen = (it) => it.accept('never offered\r\nX: y');
    const raw = relay.raw(upgradeRequest('/chat', { 'Sec-WebSocket-Protocol': 'a' }));
    await until(() => expect(raw.received).toContain('\r\n\r\n'));
    expect(raw.received).not.toContain('never offered');
  });

  it('is refused with the status, reason and headers of the hub server', async () => {
    await start();
    hub.onOpen = (it) =>
      it.refuse(401, 'who are you?', [
        'WWW-Authenticate',
        'Basic',
        'X-Bad',
        'a\r\nb',
        'Connection',
        'x',
      ]);
    const client = relay.client();
    await until(() => expect(client.refusedWith).toBeDefined());
    expect(client.refusedWith).toMatchObject({ status: 401, body: 'who are you?' });
    const { headers } = client.refusedWith!;
    expect(headers['www-authenticate']).toBe('Basic');
    expect(headers['x-bad']).toBeUndefined();
    expect(headers.connection).toBe('close');
    await until(() => expect(relay.relay.core.clientCount).toBe(0));
  });

  it.each([
    [1000, 'bye', 1000, 'bye'],
    [4321, 'own code', 4321, 'own code'],
    [1012, '€'.repeat(100), 1012, '€'.repeat(41)],
    [1005, '', 1005, ''],
    [1015, 'not allowed', 1011, 'not allowed'],
  ])('is closed by its server with %i', async (code, reason, seenCode, seenReason) => {
    await start();
    const client = await opened();
    link().send('last');
    link().close(code, reason);
    await until(() => expect(client.closed).toEqual({ code: seenCode, reason: seenReason }));
    expect(client.messages.map(({ data }) => data.toString())).toEqual(['last']);
    await until(() => expect(link().closed?.code).toBe(seenCode));
    expect(relay.relay.core.clientCount).toBe(0);
  });

  it('is cut by its server with 1006', async () => {
    await start();
    const client = await opened();
    link().close(1006, '');
    await until(() => expect(client.closed).toEqual({ code: 1006, reason: '' }));
    await until(() => expect(link().closed?.code).toBe(1006));
  });

  it('that closes is heard of with code and reason', async () => {
    await start();
    const client = await opened();
    client.ws.send('last');
    client.ws.close(4000, 'bye');
    await until(() => expect(link().closed).toEqual({ code: 4000, reason: 'bye' }));
    expect(link().messages).toHaveLength(1);
    const rude = await opened();
    rude.ws.terminate();
    await until(() => expect(hub.links[1]!.closed).toEqual({ code: 1006, reason: '' }));
  });

  it('that does not answer a close frame is cut', async () => {
    await start({ closeTimeoutMs: 50 });
    const raw = await openedRaw();
    link().close(1000, '');
    await until(() => expect(raw.ended).toBe(true));
    await until(() => expect(link().closed?.code).toBe(1006));
  });

  it('is paused when its server does not keep up, and loses nothing', async () => {
    await start({ retainedBytes: 100_000 });
    const client = await opened();
    const { schedule } = { schedule: hub.session.scheduleAck.bind(hub.session) };
    const held: Parameters<typeof schedule>[0][] = [];
    hub.session.scheduleAck = (source) => void held.push(source);
    const total = 2000;
    for (let i = 0; i < total; i++) client.ws.send(`${i} `.padEnd(10_000, '.'));
    await until(() => expect(link().messages.length).toBeGreaterThan(9));
    await until(() => expect(client.ws.bufferedAmount).toBeGreaterThan(0));
    expect(link().messages.length).toBeLessThan(total);
    hub.session.scheduleAck = schedule;
    schedule(held.pop()!);
    await until(() => expect(link().messages).toHaveLength(total));
    expect(link().messages.map(({ data }) => parseInt(data.toString(), 10))).toEqual(
      Array.from({ length: total }, (_, i) => i),
    );
  });

  it('that is paused can still be closed', async () => {
    await start({ retainedMessages: 1 });
    hub.session.scheduleAck = () => {};
    const client = await opened();
    client.ws.send('one');
    client.ws.send('two');
    await until(() => expect(link().messages.length).toBeGreaterThan(0));
    link().close(1000, 'done');
    await until(() => expect(link().closed?.code).toBe(1000));
  });

  it('is pinged by the relay; only pongs for the gateway are handed on', async () => {
    await start({ pingIntervalMs: 20 });
    const client = await opened();
    link().ping('from the gateway');
    await until(() => expect(client.pings.length).toBeGreaterThan(4));
    await until(() => expect(link().pongs).toEqual(['from the gateway']));
    client.ws.pong('unasked');
    await until(() => expect(link().pongs).toEqual(['from the gateway', 'unasked']));
    expect(client.open).toBe(true);
  });

  it('that answers no ping is cut', async () => {
    await start({ pingIntervalMs: 20 });
    const dead = await opened('/chat', { autoPong: false });
    await until(() => expect(dead.closed?.code).toBe(1006));
    expect(dead.pings).toHaveLength(2);
    await until(() => expect(link().closed?.code).toBe(1006));
  });
});
