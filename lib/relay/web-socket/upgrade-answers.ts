import type { Clock } from '../../protocol/clock.js';
import { grantUpgrade } from '../../transport/web-socket/handshake.js';
import type { Upgrade } from '../upgrade-request.js';
import type { ClientWebSocket, ClientWebSocketEvents } from './client-web-socket.js';
import { FramedSocket } from './framed-socket.js';
import { Outbox } from './outbox.js';
import { WsSocket } from './ws-socket.js';
import { WsUpgrades } from './ws-upgrades.js';

/** Who reads and writes the frames of clients: this library, or the package `ws`. */
export type ClientFrames = 'own' | 'ws';

/** What a client's WebSocket is to be like. */
export interface ClientSocketSettings {
  /** Largest message in bytes. */
  readonly maxPayload: number;
  /** Whether permessage-deflate is offered. */
  readonly compress: boolean;
  /** The subprotocol the hub server chose; empty for none. */
  readonly protocol: string;
}

/** Answers upgrades with 101. */
export class UpgradeAnswers {
  private readonly outbox: Outbox;
  private readonly wsUpgrades: WsUpgrades;

  constructor(
    private readonly frames: ClientFrames,
    closeTimeoutMs: number,
    clock: Clock,
  ) {
    this.outbox = new Outbox(clock);
    this.wsUpgrades = new WsUpgrades(closeTimeoutMs);
  }

  /** @returns `undefined` when the client is gone or its request turned out to be malformed */
  accept(
    upgrade: Upgrade,
    settings: ClientSocketSettings,
    events: ClientWebSocketEvents,
  ): ClientWebSocket | undefined {
    if (this.frames === 'own' && !(settings.compress && asksForDeflate(upgrade))) {
      return this.acceptFramed(upgrade, settings, events);
    }
    const ws = this.wsUpgrades.upgrade(upgrade, settings);
    return ws && new WsSocket(ws, upgrade.socket, events);
  }

  private acceptFramed(
    { request, socket, head }: Upgrade,
    { maxPayload, protocol }: ClientSocketSettings,
    events: ClientWebSocketEvents,
  ): ClientWebSocket | undefined {
    const offered = request.headers['sec-websocket-protocol']?.split(',') ?? [];
    const isOffered = offered.some((name) => name.trim() === protocol);
    const headers = isOffered ? [`Sec-WebSocket-Protocol: ${protocol}`] : [];
    if (!grantUpgrade(request, socket, headers)) return undefined;
    return new FramedSocket(socket, head, maxPayload, this.outbox, events);
  }
}

function asksForDeflate({ request }: Upgrade): boolean {
  return request.headers['sec-websocket-extensions']?.includes('permessage-deflate') === true;
}
