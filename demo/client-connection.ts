import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import {
  type DownMessage,
  padLetter,
  type UpMessage,
} from '../sample/02-rolling-deploy/src/ledger.messages.js';
import type { SessionRecord } from './ledger.js';
import type { RoundTrip } from './pause.js';
import type { PlannedMessage } from './random.js';
import { until } from './until.js';

const HANDSHAKE_MS = 15_000;
const ANSWER_MS = 15_000;
const CLOSE_MS = 10_000;

/** One WebSocket of a plain client, and the ledger that it keeps of it. */
export class ClientConnection {
  readonly record: SessionRecord;
  readonly roundTrips: RoundTrip[] = [];
  /** Settles when the socket is closed; never rejects. */
  readonly closed: Promise<void>;
  /** Settles with true when the gateway has greeted, with false when the connection failed. */
  readonly ready: Promise<boolean>;
  /** Called when the server asks this client to leave. */
  onLeave: () => void = () => {};

  private readonly socket: WebSocket;
  private readonly unanswered = new Map<number, number>();
  private settleReady: (ready: boolean) => void = () => {};
  private opened = false;
  private ended = false;

  constructor(url: string, label: string, kind: SessionRecord['kind']) {
    this.record = { label, kind, sent: 0, received: [], foreign: 0, corrupted: 0 };
    this.ready = new Promise((resolve) => (this.settleReady = resolve));
    this.socket = new WebSocket(`${url}?client=${label}&kind=${kind}`, {
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    });
    this.socket.on('open', () => (this.opened = true));
    // An error is always followed by a close, which tells all that is needed.
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => this.receive(data.toString()));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        this.record.closedBy ??= 'server';
        this.record.closeCode = code;
        this.settleReady(false);
        resolve();
      });
    });
  }

  /** True when the upgrade was answered with 101, whatever came after. */
  get wasOpened(): boolean {
    return this.opened;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  get isAnswered(): boolean {
    return this.unanswered.size === 0;
  }

  /** Sends the next numbered message, in as many fragments as planned. */
  async send({ size, fragments, fragmentGapMs }: PlannedMessage): Promise<void> {
    const n = ++this.record.sent;
    const data: UpMessage = { n, from: this.record.label, size, pad: padLetter(n).repeat(size) };
    const text = JSON.stringify({ event: 'up', data });
    const part = Math.ceil(text.length / fragments);
    for (let start = 0; start + part < text.length; start += part) {
      this.socket.send(text.slice(start, start + part), { fin: false });
      await sleep(fragmentGapMs);
      if (!this.isOpen) {
        return;
      }
    }
    this.unanswered.set(n, performance.now());
    this.socket.send(text.slice(part * (Math.ceil(text.length / part) - 1)), { fin: true });
  }

  /** False when an answer is missing after the limit. */
  answered(): Promise<boolean> {
    return until(() => this.isAnswered || !this.isOpen, ANSWER_MS).then(() => this.isAnswered);
  }

  /** Takes leave without losing a message: all answers in, pushes stopped, then a normal close. */
  async leave(): Promise<void> {
    await this.answered();
    if (this.isOpen) {
      this.socket.send(JSON.stringify({ event: 'end', data: {} }));
      await until(() => this.ended || !this.isOpen, ANSWER_MS);
    }
    if (this.isOpen) {
      this.record.closedBy = 'client';
      this.socket.close(1000);
    }
    const timer = setTimeout(() => this.socket.terminate(), CLOSE_MS);
    await this.closed;
    clearTimeout(timer);
  }

  private receive(text: string): void {
    const { event, data } = JSON.parse(text) as { event: string; data: unknown };
    switch (event) {
      case 'hello':
        this.record.connectionId = (data as { connectionId: string }).connectionId;
        this.settleReady(true);
        break;
      case 'down':
        this.receiveDown(data as DownMessage);
        break;
      case 'leave':
        this.onLeave();
        break;
      case 'ended':
        this.ended = true;
        break;
      default:
        this.record.foreign += 1;
    }
  }

  private receiveDown({ server, visit, to, n, re, tookMs = 0, size, pad }: DownMessage): void {
    if (to !== this.record.label) {
      this.record.foreign += 1;
      return;
    }
    if (pad !== padLetter(n).repeat(size)) {
      this.record.corrupted += 1;
    }
    this.record.received.push({ server, visit, n, ...(re !== undefined && { re }) });
    const sentAt = re === undefined ? undefined : this.unanswered.get(re);
    if (re !== undefined && sentAt !== undefined) {
      this.unanswered.delete(re);
      this.roundTrips.push({ sentAt, answeredAt: performance.now(), tookMs, server });
    }
  }
}
