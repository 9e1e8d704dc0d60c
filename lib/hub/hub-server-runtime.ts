import type { ResolvedOptions } from '../options/index.js';
import type { HubSession } from '../protocol/hub-session.js';
import type { Transport } from '../protocol/transport.js';
import { createTokenSigner } from '../transport/service-token.js';
import { systemClock, systemRandom } from '../transport/system-clock.js';
import { HubCore } from './hub-core.js';
import type { HubApplication } from './hub-core.js';
import { serviceConnectionLost } from './hub.messages.js';
import { RelayDialer } from './relay-dialer.js';

export interface HubLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string, stack?: string): void;
}

/** The hub server of this process: its core, and the service connections it keeps to relays. */
export class HubServerRuntime {
  readonly core: HubCore;
  private readonly dialers: RelayDialer[] = [];
  private readonly dialed = new Map<HubSession, { dialer: RelayDialer; url: string }>();
  private offline = false;

  constructor(
    readonly serverId: string,
    private readonly options: ResolvedOptions,
    application: HubApplication,
    private readonly log: HubLog,
  ) {
    const { hub, relay, shutdown } = options;
    this.core = new HubCore(
      {
        serverId,
        serverName: hub.serverName,
        version: hub.version,
        startedAt: Date.now(),
        keepAliveMs: hub.keepAliveMs,
        deadAfterMs: hub.deadAfterMs,
        handshakeTimeoutMs: relay.handshakeTimeoutMs,
        retainedBytes: hub.retainedBytes,
        retainedMessages: hub.retainedMessages,
        orphanMs: hub.orphanMs,
        finIntervalMs: shutdown.finIntervalMs,
      },
      application,
      systemClock,
      {
        sessionEstablished: (session) => this.dialed.get(session)?.dialer.succeeded(),
        sessionEnded: (session, code, reason) => this.sessionEnded(session, code, reason),
        fault: (error) => this.log.error('Fault in a service connection', stackOf(error)),
      },
    );
  }

  /** Dials the configured relays. */
  dial(): void {
    const { hub, security, relay } = this.options;
    const signer = createTokenSigner(security);
    for (const url of hub.relays) {
      for (let i = 0; i < hub.connectionsPerRelay; i++) {
        const dialer: RelayDialer = new RelayDialer({
          url,
          reconnectMaxMs: hub.reconnectMaxMs,
          handshakeTimeoutMs: relay.handshakeTimeoutMs,
          sign: signer && (() => signer(this.serverId)),
          random: systemRandom,
          connected: (transport) => {
            this.dialed.set(this.core.attach(transport), { dialer, url });
          },
          warn: (message) => this.log.warn(message),
        });
        this.dialers.push(dialer);
        dialer.start();
      }
    }
  }

  /** Takes a service connection that is not dialled: within the process. */
  attach(transport: Transport): void {
    this.core.attach(transport);
  }

  /** Service connections that are lost from now on are not dialled again. Idempotent. */
  stopDialing(): void {
    this.offline = true;
    for (const dialer of this.dialers) dialer.stop();
  }

  /** Ends everything. Idempotent. */
  stop(): void {
    this.stopDialing();
    this.core.stop();
  }

  private sessionEnded(session: HubSession, code: number, reason: string) {
    const dialed = this.dialed.get(session);
    if (!dialed) return;
    this.dialed.delete(session);
    if (this.offline) return;
    this.log.warn(serviceConnectionLost(dialed.url, code, reason));
    dialed.dialer.lost();
  }
}

export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
