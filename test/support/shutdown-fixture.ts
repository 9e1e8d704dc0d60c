import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, vi } from 'vitest';
import type { Taker } from '../../lib/protocol/server-stream.js';
import { HubCore } from '../../lib/hub/hub-core.js';
import type { ShutdownMode } from '../../lib/options/index.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import { InProcessTransport } from '../../lib/protocol/in-process-transport.js';
import type { ClientConnection, ClientSocket } from '../../lib/relay/client-connection.js';
import { leastConnections } from '../../lib/relay/least-connections.js';
import { RelayCore } from '../../lib/relay/relay-core.js';
import { GracefulShutdown } from '../../lib/shutdown/graceful-shutdown.js';
import { ShutdownStages } from '../../lib/shutdown/shutdown-stages.js';
import { systemClock, systemRandom } from '../../lib/transport/system-clock.js';
import { PLAIN_OWNER } from './plain-owner.js';

/** Stands for a gateway where only its name matters. */
export class ChatGateway {}

const MODES: Record<string, ShutdownMode> = {
  '/chat': 'migrateClients',
  '/wait': 'waitForClientsClose',
  '/off': 'off',
};
const ENDPOINTS = Object.keys(MODES).map((path) => ({ port: 0, path }));

/** A client which answers a closing handshake at once, or never. */
export class Client implements ClientSocket {
  connection!: ClientConnection;
  closed: string | undefined;
  constructor(
    readonly answers: boolean,
    private readonly onClose: () => void,
  ) {}
  close(code: number, reason: string): void {
    this.closed ??= `${code} ${reason}`;
    this.onClose();
    if (this.answers || code === 1006) this.connection.closed(code, reason);
  }
  accept() {}
  refuse() {}
  send(_data: unknown, _binary: boolean, taker: Taker) {
    taker.onTaken(1);
  }
  ping() {}
  pong() {}
  pause() {}
  resume() {}
}

export const newRelay = () =>
  new RelayCore(
    {
      retainedBytes: 1000,
      retainedMessages: 1000,
      retainedTotalBytes: 100_000,
      stepMs: 500,
      holdUpgradeMs: 1000,
      handshakeTimeoutMs: 1000,
      hubReconnectGraceMs: 0,
      ingresses: [],
      lastIngress: 'refuse',
      migrationsPerSecond: 1000,
      migrationRequestMs: 30_000,
      contextTotalBytes: 1 << 20,
      route: leastConnections,
    },
    systemClock,
    systemRandom,
  );

export function newHub(
  serverId: string,
  options: { timeoutMs?: number; closeBatch?: number } = {},
) {
  const links: HubLink[] = [];
  const moved: string[] = [];
  const log: string[] = [];
  const core = new HubCore(
    {
      serverId,
      serverName: serverId,
      version: '1',
      keepAliveMs: 5000,
      deadAfterMs: 120_000,
      handshakeTimeoutMs: 1000,
      retainedBytes: 1000,
      retainedMessages: 1000,
      finIntervalMs: 300,
      orphanMs: 60_000,
    },
    {
      endpoints: ENDPOINTS,
      ackMode: () => 'handled',
      open: (message, bind) => {
        const link = bind({
          ...PLAIN_OWNER,
          closed: (_code, _reason, migration) => void (migration && moved.push(migration.server)),
        });
        links.push(link);
        link.accept('');
      },
    },
    systemClock,
  );
  const hooks = new GracefulShutdown();
  const stop = vi.fn<() => void>(() => core.stop());
  const stopDialing = vi.fn<() => void>();
  const stages = new ShutdownStages({
    core,
    endpoints: ENDPOINTS,
    hooks,
    options: {
      mode: 'migrateClients',
      timeoutMs: 10_000,
      finIntervalMs: 300,
      closeBatch: 100,
      ...options,
    },
    modeOf: ({ path }) => MODES[path]!,
    stopDialing,
    stop,
    warn: (message) => void log.push(message),
    error: (message, error) => void log.push(`${message}: ${String(error)}`),
  });
  return { core, hooks, stages, links, moved, log, stop, stopDialing };
}

export type Hub = ReturnType<typeof newHub>;

export async function attach(
  relay: RelayCore,
  hub: Hub,
): Promise<[InProcessTransport, InProcessTransport]> {
  const ends = InProcessTransport.pair();
  relay.attach(ends[0]);
  hub.core.attach(ends[1]);
  await vi.advanceTimersByTimeAsync(1);
  return ends;
}

export async function connect(
  relay: RelayCore,
  path: string,
  { count = 1, answers = true, onClose = () => {} } = {},
): Promise<Client[]> {
  const clients = Array.from({ length: count }, () => {
    const client = new Client(answers, onClose);
    client.connection = relay.connect(
      { port: 0, path },
      {
        method: 'GET',
        url: path,
        httpVersion: '1.1',
        rawHeaders: [],
        remoteAddress: '127.0.0.1',
        remotePort: 1,
        encrypted: false,
      },
      client,
    );
    return client;
  });
  await vi.advanceTimersByTimeAsync(1);
  return clients;
}

/** The result of `work` and how long it took on the test's clock. */
export async function finished<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const start = Date.now();
  let settled: { result: T; ms: number } | undefined;
  void work.then((result) => (settled = { result, ms: Date.now() - start }));
  for (let i = 0; i < 100_000; i++) {
    if (settled) break;
    await vi.advanceTimersByTimeAsync(1);
  }
  return settled!;
}

export const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => void unhandled.push(error);

/** Has each test run on a clock of its own. */
export function onTestClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'],
    });
    vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
    process.on('unhandledRejection', onUnhandled);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    process.off('unhandledRejection', onUnhandled);
  });
}
