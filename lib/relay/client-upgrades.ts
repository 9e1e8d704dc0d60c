import type { ResolvedRelayOptions } from '../options/index.js';
import type { Clock } from '../protocol/clock.js';
import { normalizePath } from '../protocol/endpoint.js';
import type { EndpointKey } from '../protocol/messages.js';
import type { AddressReader } from './client-address.js';
import { ClientPings } from './client-pings.js';
import { ConnectionLimits } from './connection-limits.js';
import { refuseUpgrade } from './http-refusal.js';
import type { Refusal } from './http-refusal.js';
import type { IngressFinder } from './ingress-finder.js';
import type { RelayCore } from './relay-core.js';
import type { RelayLog } from './relay-log.js';
import { count } from './relay-stats.js';
import { SharedTexts } from './shared-texts.js';
import type { TrackedSockets } from './tracked-sockets.js';
import {
  asksForWebSocket,
  checkHandshake,
  checkSize,
  pathnameOf,
  toClientRequest,
} from './upgrade-request.js';
import type { Upgrade } from './upgrade-request.js';
import { UpgradeAnswers } from './web-socket/upgrade-answers.js';
import { WebSocketClient } from './web-socket-client.js';
import type { ClientSurroundings } from './web-socket-client.js';

const BAD_URL: Refusal = { status: 400, text: 'the URL is malformed' };
const NOT_FOUND: Refusal = { status: 404, text: 'no gateway at this path' };
const ONLY_WEBSOCKET: Refusal = {
  status: 426,
  text: 'only upgrades to websocket are served here',
  headers: ['Sec-WebSocket-Version', '13, 8'],
};

/** What is known of the one who sent a request. */
export interface Origins {
  readonly addressOf: AddressReader;
  readonly ingressOf: IngressFinder;
}

/** Takes clients' upgrade requests: checks them and hands those that are in order to the relay. */
export class ClientUpgrades {
  readonly pings: ClientPings;
  private readonly limits: ConnectionLimits;
  private readonly texts = new SharedTexts();
  private readonly paths: ReadonlySet<string>;
  private readonly surroundings: ClientSurroundings;

  constructor(
    private readonly core: RelayCore,
    private readonly options: ResolvedRelayOptions,
    private readonly clock: Clock,
    private readonly sockets: TrackedSockets,
    private readonly log: RelayLog,
    private readonly origins: Origins,
  ) {
    this.limits = new ConnectionLimits(options, clock);
    this.paths = new Set(options.paths.map((path) => normalizePath(path)));
    this.pings = new ClientPings(options.pingIntervalMs, clock);
    this.surroundings = {
      clock,
      pings: this.pings,
      answers: new UpgradeAnswers(options.clientFrames, options.closeTimeoutMs, clock),
      closeTimeoutMs: options.closeTimeoutMs,
      retryAfterSeconds: Math.max(1, Math.ceil(options.holdUpgradeMs / 1000)),
    };
  }

  /**
   * @param port the own port of a gateway; 0: the application's HTTP server
   * @param shared whether the upgrade may be meant for another library
   */
  handle(port: number, upgrade: Upgrade, shared: boolean): void {
    const { request, socket } = upgrade;
    const pathname = pathnameOf(request);
    const isWebSocket = asksForWebSocket(request);
    const key = pathname !== undefined && isWebSocket ? this.find(port, pathname) : undefined;
    if (!key && shared) {
      this.leaveAlone(upgrade);
      return;
    }
    this.sockets.add(socket);
    if (socket.destroyed) return;
    if (key) this.take(key, upgrade);
    else
      this.refuse(
        upgrade,
        pathname === undefined ? BAD_URL : isWebSocket ? NOT_FOUND : ONLY_WEBSOCKET,
      );
  }

  private take(key: EndpointKey, upgrade: Upgrade) {
    const { request, socket } = upgrade;
    const peer = this.origins.addressOf(request);
    const { address } = peer;
    const refusal =
      checkSize(request, this.options.maxHeaderBytes) ??
      checkHandshake(request) ??
      this.limits.admit(address);
    if (refusal) {
      this.refuse(upgrade, refusal);
      return;
    }
    socket.on('close', () => this.limits.release(address));
    const client = new WebSocketClient(upgrade, this.surroundings, () => this.settings(key));
    try {
      const ingress = this.origins.ingressOf(request);
      const clientRequest = toClientRequest(upgrade, peer, this.texts);
      client.bind(this.core.connect(key, clientRequest, client, ingress));
    } catch (error) {
      this.log.error(`A client could not be connected: ${String(error)}`);
      client.refuse(500, 'internal fault', []);
    }
  }

  private find(port: number, path: string): EndpointKey | undefined {
    const endpoint = this.core.endpoint({ port, path });
    if (endpoint) return { port, path: endpoint.path };
    return port === 0 && this.paths.has(path) ? { port, path } : undefined;
  }

  private settings(key: EndpointKey) {
    const { maxPayload = Infinity, compress = false } = this.core.endpoint(key) ?? {};
    return { maxPayload: Math.min(maxPayload, this.options.maxMessageBytes), compress };
  }

  /** Another library may answer; when none has, the client is not kept waiting for ever. */
  private leaveAlone(upgrade: Upgrade) {
    const { socket } = upgrade;
    const { bytesWritten } = socket;
    socket.on('error', () => {});
    const timer = this.clock.setTimer(() => {
      if (socket.bytesWritten === bytesWritten) this.refuse(upgrade, NOT_FOUND);
    }, this.options.handshakeTimeoutMs);
    socket.once('close', () => this.clock.clearTimer(timer));
  }

  private refuse({ socket }: Upgrade, refusal: Refusal) {
    count(this.core.counters.refused, refusal.status);
    refuseUpgrade(socket, refusal);
  }
}
