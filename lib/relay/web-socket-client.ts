import process from 'node:process';
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../protocol/clock.js';
import type { Payload } from '../protocol/messages.js';
import type { Taker } from '../protocol/server-stream.js';
import { CloseCode, isSendableCode } from '../transport/close-codes.js';
import type { ClientConnection, ClientSocket } from './client-connection.js';
import type { ClientPings, Pingable } from './client-pings.js';
import { refuseUpgrade } from './http-refusal.js';
import type { Upgrade } from './upgrade-request.js';
import type { ClientSocketSettings, UpgradeAnswers } from './web-socket/upgrade-answers.js';
import type { ClientWebSocket, ClientWebSocketEvents } from './web-socket/client-web-socket.js';

/** Payload of the relay's own pings; other pongs are for the gateway. */
const PING_DATA = Buffer.from('ws-migration-relay');
const MAX_UNANSWERED_PINGS = 2;

/** What all clients of a relay share. */
export interface ClientSurroundings {
  readonly clock: Clock;
  readonly pings: ClientPings;
  readonly answers: UpgradeAnswers;
  /** Limit of a closing handshake in milliseconds. */
  readonly closeTimeoutMs: number;
  /** `Retry-After` of a client for which no hub server is there. */
  readonly retryAfterSeconds: number;
}

/** A client's socket: first a raw one with a pending upgrade, then a WebSocket. */
export class WebSocketClient implements ClientSocket, ClientWebSocketEvents, Pingable {
  private readonly socket: Socket;
  /** Kept only until it is answered. */
  private upgrade: Upgrade | undefined;
  private connection: ClientConnection | undefined;
  private ws: ClientWebSocket | undefined;
  private over = false;
  private closing = false;
  private paused = false;
  private unansweredPings = 0;
  private bytesRead = 0;
  private closeTimer: Timer;
  private pingGroup: Set<Pingable> | undefined;
  /** The client is gone before it got an answer; kept until then. */
  private onEarlyClose: (() => void) | undefined = () => this.finish(CloseCode.Abnormal, '');

  /** @param settings called, and forgotten, when the upgrade is granted */
  constructor(
    upgrade: Upgrade,
    private readonly surroundings: ClientSurroundings,
    private settings: (() => Omit<ClientSocketSettings, 'protocol'>) | undefined,
  ) {
    const { socket } = upgrade;
    this.upgrade = upgrade;
    this.socket = socket;
    socket.setTimeout(0);
    socket.on('end', destroy);
    socket.on('close', this.onEarlyClose!);
    // Starts reading, so that an end is noticed; what comes early stays in the socket's buffer.
    socket.read(0);
  }

  /** Tells the socket whose it is. */
  bind(connection: ClientConnection): void {
    this.connection = connection;
  }

  accept(protocol: string): void {
    const { upgrade } = this;
    if (!upgrade || this.over) return;
    const settings = { ...this.settings!(), protocol };
    this.stopWatching();
    this.ws = this.surroundings.answers.accept(upgrade, settings, this);
    if (!this.ws) {
      process.nextTick(() => this.finish(CloseCode.Abnormal, ''));
      return;
    }
    this.pingGroup = this.surroundings.pings.add(this);
    this.ws.start();
  }

  refuse(status: number, reason: string, headers: readonly string[]): void {
    if (!this.upgrade || this.over) return;
    this.stopWatching();
    this.over = true;
    const told = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'retry-after');
    const later = !told && (status === 503 || status === 429);
    const seconds = String(this.surroundings.retryAfterSeconds);
    refuseUpgrade(this.socket, {
      status,
      text: reason,
      headers: later ? [...headers, 'Retry-After', seconds] : headers,
    });
  }

  send(data: Payload, binary: boolean, taker: Taker): void {
    this.ws?.send(data, binary, taker);
  }

  ping(data: Uint8Array): void {
    this.ws?.ping(data);
  }

  pong(data: Uint8Array): void {
    this.ws?.pong(data);
  }

  close(code: number, reason: string): void {
    const { ws } = this;
    if (!ws) {
      this.socket.destroy();
      return;
    }
    if (code === CloseCode.Abnormal) {
      ws.terminate();
      return;
    }
    // The answer can only be read by a socket that is not paused.
    this.resume();
    this.closing = true;
    if (code === CloseCode.None) ws.close(undefined, '');
    else ws.close(isSendableCode(code) ? code : CloseCode.InternalError, reason);
    this.limitClosing();
  }

  pause(): void {
    if (this.closing || this.paused) return;
    this.paused = true;
    this.ws?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.unansweredPings = 0;
    this.ws?.resume();
  }

  /** Everything that arrives answers a ping: a large message may keep the pong waiting. */
  keepAlive(): void {
    const { ws } = this;
    if (!ws?.isOpen || this.paused) return;
    const { bytesRead } = this.socket;
    if (bytesRead !== this.bytesRead) this.unansweredPings = 0;
    this.bytesRead = bytesRead;
    if (this.unansweredPings++ < MAX_UNANSWERED_PINGS) ws.ping(PING_DATA);
    else ws.terminate();
  }

  onMessage(data: Buffer, binary: boolean): void {
    this.connection?.message(data, binary);
  }

  onPong(data: Buffer): void {
    if (!data.equals(PING_DATA)) this.connection?.pong(data);
  }

  onFault(code: number): void {
    this.limitClosing();
    this.finish(code, '');
  }

  onClosed(code: number, reason: string): void {
    this.surroundings.clock.clearTimer(this.closeTimer);
    this.finish(code, reason);
  }

  private stopWatching() {
    this.socket.off('end', destroy).off('close', this.onEarlyClose!);
    this.upgrade = this.settings = this.onEarlyClose = undefined;
  }

  private limitClosing() {
    const { clock, closeTimeoutMs } = this.surroundings;
    this.closeTimer ??= clock.setTimer(() => this.ws?.terminate(), closeTimeoutMs);
  }

  private finish(code: number, reason: string) {
    if (this.over) return;
    this.over = true;
    this.pingGroup?.delete(this);
    this.connection?.closed(code, reason);
  }
}

function destroy(this: Socket): void {
  this.destroy();
}
