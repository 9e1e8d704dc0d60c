import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { until } from '../../test/support/until.js';
import type { Transport } from '../protocol/transport.js';
import { RelayDialer } from './relay-dialer.js';
import type { RelayDialerOptions } from './relay-dialer.js';

const sockets = new Set<Socket>();
let dialers: RelayDialer[] = [];
let server: Server;
let answer: 'accept' | 'refuse' | 'hang' | 'hangInBody';
let refusal: string;
let attempts = 0;
let authorization: string | undefined;

const port = () => (server.address() as AddressInfo).port;

beforeEach(async () => {
  answer = 'accept';
  attempts = 0;
  server = createServer();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const relay = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    attempts++;
    authorization = request.headers.authorization;
    socket.on('error', () => {});
    if (answer === 'accept') {
      relay.handleUpgrade(request, socket, head, () => {});
      return;
    }
    // Without a reader the socket would never see that the other end is gone.
    socket.resume().on('end', () => socket.end());
    if (answer === 'refuse') {
      socket.end(refusal);
    }
    if (answer === 'hangInBody') socket.write('HTTP/1.1 503 X\r\nContent-Length: 9\r\n\r\nwait');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const dialer of dialers) dialer.stop();
  dialers = [];
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function dial(options: Partial<RelayDialerOptions> = {}) {
  const connected: Transport[] = [];
  const warnings: string[] = [];
  const dialer = new RelayDialer({
    url: `ws://127.0.0.1:${port()}/service`,
    reconnectMaxMs: 60_000,
    handshakeTimeoutMs: 10_000,
    sign: undefined,
    random: { id: () => 'id', fraction: () => 0.5 },
    connected: (transport) => void connected.push(transport),
    warn: (message) => void warnings.push(message),
    ...options,
  });
  dialers.push(dialer);
  dialer.start();
  return { dialer, connected, warnings };
}

describe('RelayDialer', () => {
  it('hands over an open service connection; without a signer it sends no token', async () => {
    const { connected } = dial();
    await until(() => expect(connected).toHaveLength(1));
    expect(authorization).toBeUndefined();
  });

  it('sends a fresh token with every attempt', async () => {
    let tokens = 0;
    const { dialer, connected } = dial({ sign: async () => `token-${++tokens}` });
    await until(() => expect(connected).toHaveLength(1));
    expect(authorization).toBe('Bearer token-1');
    dialer.succeeded();
    dialer.lost();
    await until(() => expect(connected).toHaveLength(2));
    expect(authorization).toBe('Bearer token-2');
  });

  it.each([
    ['401 Unauthorized', 'token expired\n', 'HTTP 401: token expired'],
    ['403 Forbidden', 'not from there\n', 'HTTP 403: not from there'],
    ['503 Service Unavailable', '', 'HTTP 503'],
  ])('says why the relay refused it with %s and the text %j', async (status, text, told) => {
    answer = 'refuse';
    refusal = `HTTP/1.1 ${status}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    const { dialer, warnings } = dial();
    await until(() => expect(warnings.length).toBeGreaterThan(0));
    dialer.stop();
    expect(warnings[0]).toBe(
      `Cannot reach the relay at ws://127.0.0.1:${port()}/service: ${told}; next attempt in 0 ms`,
    );
    await until(() => expect(sockets.size).toBe(0));
  });

  it('says that nobody listens', async () => {
    const closed = createTcpServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port: free } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const { warnings, dialer } = dial({ url: `ws://127.0.0.1:${free}/` });
    await until(() => expect(warnings.length).toBeGreaterThan(0));
    dialer.stop();
    expect(warnings[0]).toContain('ECONNREFUSED');
  });

  it('leaves nothing open when it is stopped while it dials', async () => {
    answer = 'hang';
    const { dialer, connected, warnings } = dial();
    await until(() => expect(attempts).toBe(1));
    dialer.stop();
    dialer.stop();
    await until(() => expect(sockets.size).toBe(0));
    expect(connected).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('leaves nothing open when it is stopped within a refusal', async () => {
    answer = 'hangInBody';
    const { dialer, warnings } = dial();
    await until(() => expect(attempts).toBe(1));
    dialer.stop();
    await until(() => expect(sockets.size).toBe(0));
    expect(warnings).toEqual([]);
  });

  it('gives up on a relay that does not answer, or not to the end', async () => {
    for (const kind of ['hang', 'hangInBody'] as const) {
      answer = kind;
      const { dialer, warnings } = dial({ handshakeTimeoutMs: 50 });
      await until(() => expect(warnings.length).toBeGreaterThan(0));
      dialer.stop();
      await until(() => expect(sockets.size).toBe(0));
    }
  });

  it('does not dial when it is stopped while it signs', async () => {
    let signed: (token: string) => void = () => {};
    const { dialer } = dial({ sign: () => new Promise((resolve) => (signed = resolve)) });
    dialer.stop();
    signed('token');
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets.size).toBe(0);
    expect(attempts).toBe(0);
  });

  it('keeps an open service connection when it is stopped', async () => {
    const { dialer, connected } = dial();
    await until(() => expect(connected).toHaveLength(1));
    dialer.stop();
    dialer.lost();
    expect(sockets.size).toBe(1);
  });
});

describe('RelayDialer waits', () => {
  /** Attempts that fail before anything is dialled, on a clock of the test. */
  function failing(reconnectMaxMs: number, fraction: () => number) {
    vi.useFakeTimers();
    const waits: number[] = [];
    const { dialer, warnings } = dial({
      reconnectMaxMs,
      random: { id: () => 'id', fraction },
      sign: () => Promise.reject(new Error('no key')),
      warn: (message) => {
        expect(message).toContain('no key');
        waits.push(Number(/in (\d+) ms/.exec(message)![1]));
      },
    });
    return { dialer, waits, warnings };
  }

  it('not at all the first time, then up to twice as long each time, up to the limit', async () => {
    const { dialer, waits } = failing(3000, () => 1);
    while (waits.length < 7) await vi.advanceTimersToNextTimerAsync();
    expect(waits).toEqual([0, 1000, 2000, 3000, 3000, 3000, 3000]);
    dialer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('for a random part of that time', async () => {
    const parts = [0.5, 0, 0.25];
    const { waits } = failing(60_000, () => parts.shift()!);
    while (waits.length < 4) await vi.advanceTimersToNextTimerAsync();
    expect(waits).toEqual([0, 500, 0, 1000]);
  });

  it('not longer after very many failures', async () => {
    const { waits } = failing(1000, () => 0.001);
    while (waits.length < 1200) await vi.advanceTimersToNextTimerAsync();
    expect(waits.at(-1)).toBe(1);
  });

  /** Fails four times, then has a session which lasts this long. @returns the wait after it */
  async function waitAfterSession(lastsMs: number) {
    const { dialer, waits } = failing(60_000, () => 1);
    while (waits.length < 4) await vi.advanceTimersToNextTimerAsync();
    vi.clearAllTimers();
    dialer.succeeded();
    await vi.advanceTimersByTimeAsync(lastsMs);
    const start = Date.now();
    dialer.lost();
    await vi.advanceTimersToNextTimerAsync();
    expect(waits).toHaveLength(5);
    return Date.now() - start;
  }

  it('not at all again after a session', async () => {
    expect(await waitAfterSession(500)).toBe(0);
  });

  it('as after a failure when each session ends at once', async () => {
    expect(await waitAfterSession(10)).toBe(8000);
  });

  it('for nothing once it is stopped', async () => {
    const { dialer, waits } = failing(60_000, () => 1);
    await vi.advanceTimersByTimeAsync(0);
    dialer.stop();
    const before = waits.length;
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(waits).toHaveLength(before);
    expect(vi.getTimerCount()).toBe(0);
  });
});
