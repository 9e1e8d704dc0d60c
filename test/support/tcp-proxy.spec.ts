import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

/** One end of a connection: what it read, and how the connection ended. */
class End {
  read = '';
  ended = false;
  error: string | undefined;

  constructor(readonly socket: Socket) {
    socket.setEncoding('utf8').on('data', (text: string) => (this.read += text));
    socket.on('end', () => (this.ended = true));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (this.error = code));
  }

  hasRead(text: string): Promise<void> {
    return until(() => {
      if (this.read !== text) throw new Error(`read ${this.read.slice(0, 100)}, not ${text}`);
    });
  }
}

async function start(preface?: string) {
  const targets: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => targets.push(new End(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await TcpProxy.start((server.address() as AddressInfo).port, preface);
  const dial = async () => {
    const count = targets.length;
    const client = new End(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    onTestFinished(() => void client.socket.destroy());
    await until(() => expect(targets.length).toBe(count + 1));
    return { client, target: targets[count]!, connection: proxy.connections.at(-1)! };
  };
  onTestFinished(async () => {
    await proxy.close();
    for (const { socket } of targets) socket.destroy();
    server.close();
  });
  return { proxy, dial };
}

/** Longer than anything that is not held takes. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 50));

describe('a TCP proxy', () => {
  it('passes on both directions and their ends', async () => {
    const { proxy, dial } = await start();
    const { client, target, connection } = await dial();
    client.socket.write('there');
    await target.hasRead('there');
    target.socket.write('back');
    await client.hasRead('back');
    expect([connection.bytes('up'), connection.bytes('down')]).toEqual([5, 4]);
    client.socket.end();
    await until(() => expect(target.ended).toBe(true));
    target.socket.end('bye');
    await client.hasRead('backbye');
    await until(() => expect(proxy.connections).toEqual([]));
  });

  it('passes on more than its buffers hold', async () => {
    const { dial } = await start();
    const { client, target } = await dial();
    const text = 'x'.repeat(8 << 20);
    client.socket.end(text);
    await until(() => expect(target.ended).toBe(true));
    expect(target.read.length).toBe(text.length);
  });

  it('passes on a cut by either side', async () => {
    const { proxy, dial } = await start();
    const { client, target } = await dial();
    target.socket.resetAndDestroy();
    await until(() => expect(client.error).toBe('ECONNRESET'));
    await until(() => expect(proxy.connections).toEqual([]));
  });

  it('puts a preface ahead of each connection', async () => {
    const { dial } = await start('PROXY UNKNOWN\r\n');
    const { client, target, connection } = await dial();
    client.socket.write('there');
    await target.hasRead('PROXY UNKNOWN\r\nthere');
    expect(connection.bytes('up')).toBe(5);
  });

  it('delays, and keeps the order when the delay ends', async () => {
    const { proxy, dial } = await start();
    const { client, target } = await dial();
    proxy.delay(300);
    client.socket.write('first ');
    await quiet();
    expect(target.read).toBe('');
    proxy.delay(0);
    client.socket.write('second');
    await target.hasRead('first second');
  });

  it('stalls both ways, hides the end meanwhile, and resumes', async () => {
    const { dial } = await start();
    const { client, target, connection } = await dial();
    connection.stall();
    client.socket.write('up');
    target.socket.end('down');
    await quiet();
    expect([client.read, target.read, client.ended]).toEqual(['', '', false]);
    connection.resume();
    await Promise.all([target.hasRead('up'), client.hasRead('down')]);
    await until(() => expect(client.ended).toBe(true));
  });

  it('stalls new connections too until it resumes', async () => {
    const { proxy, dial } = await start();
    proxy.stall();
    const { client, target } = await dial();
    client.socket.write('up');
    await quiet();
    expect(target.read).toBe('');
    proxy.resume();
    await target.hasRead('up');
  });

  it('swallows one direction and keeps the other', async () => {
    const { dial } = await start();
    const { client, target, connection } = await dial();
    connection.halfOpen('up');
    client.socket.write('swallowed');
    target.socket.write('passed');
    await client.hasRead('passed');
    expect(target.read).toBe('');
    expect(connection.harmed).toBe(true);
  });

  it('cuts by RST', async () => {
    const { proxy, dial } = await start();
    const { client, target } = await dial();
    proxy.reset();
    await until(() => expect([client.error, target.error]).toEqual(['ECONNRESET', 'ECONNRESET']));
    expect(proxy.connections).toEqual([]);
  });

  it('ends by FIN, after what was passed on', async () => {
    const { proxy, dial } = await start();
    const { client, target } = await dial();
    client.socket.write('before');
    await target.hasRead('before');
    proxy.fin();
    await until(() => expect([client.ended, target.ended]).toEqual([true, true]));
    expect([client.error, target.error]).toEqual([undefined, undefined]);
  });

  it('cuts after n bytes, and takes new connections', async () => {
    const { proxy, dial } = await start();
    const { client, target, connection } = await dial();
    connection.cutAfter(3, 'up');
    client.socket.write('he');
    client.socket.write('llo');
    await until(() => expect(target.ended).toBe(true));
    expect(target.read).toBe('hel');
    const next = await dial();
    next.client.socket.write('hello');
    await next.target.hasRead('hello');
    expect(proxy.healthy).toEqual([next.connection]);
  });

  it('knows the busiest connection', async () => {
    const { proxy, dial } = await start();
    expect(proxy.busiest).toBeUndefined();
    const [busy, other] = [await dial(), await dial()];
    other.client.socket.write('a');
    busy.target.socket.write('abc');
    await Promise.all([other.target.hasRead('a'), busy.client.hasRead('abc')]);
    expect(proxy.busiest).toBe(busy.connection);
    busy.connection.reset();
    expect(proxy.busiest).toBe(other.connection);
  });

  it('refuses new connections while it is told to', async () => {
    const { proxy, dial } = await start();
    proxy.refuse(true);
    const refused = new End(connect(proxy.port, '127.0.0.1'));
    await until(() => expect(refused.error ?? refused.ended).toBe('ECONNRESET'));
    proxy.refuse(false);
    await dial();
  });
});
