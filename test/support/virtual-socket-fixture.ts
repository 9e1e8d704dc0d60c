import type { AckMode } from '../../lib/protocol/hub-link.js';
import type { OutboundLimits } from '../../lib/protocol/outbound-window.js';
import { HubLink } from '../../lib/protocol/hub-link.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage, Payload } from '../../lib/protocol/messages.js';
import type { AckSource } from '../../lib/protocol/session.js';
import { VirtualServer } from '../../lib/hub/virtual-server.js';
import { VirtualSocket } from '../../lib/hub/virtual-socket.js';

/** Lets everything run that was put off to the end of the present turn. */
export const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

export interface SocketFixtureOptions extends Partial<OutboundLimits> {
  ack?: AckMode;
  maxMessageBytes?: number;
  maxBufferedBytes?: number;
}

/** A virtual socket on a real link; the test is the relay. */
export class SocketFixture {
  readonly sent: { data: string; binary: boolean }[] = [];
  readonly control: ControlMessage[] = [];
  /** How far the application's messages are acknowledged, at each acknowledgement. */
  readonly acks: number[] = [];
  readonly faults: { message: string; error: unknown }[] = [];
  readonly events: unknown[][] = [];
  readonly server = new VirtualServer({ port: 0, path: '/chat' }, {});
  readonly socket: VirtualSocket;
  readonly link: HubLink;
  private readonly sources = new Set<AckSource>();

  constructor({
    ack = 'handled',
    maxMessageBytes = 1000,
    maxBufferedBytes = 4000,
    retainedBytes = 1_000_000,
    retainedMessages = 1000,
  }: SocketFixtureOptions = {}) {
    this.socket = new VirtualSocket(this.server, 'c1', {
      maxMessageBytes,
      maxBufferedBytes,
      fault: (message, error) => void this.faults.push({ message, error }),
    });
    this.link = new HubLink(
      {
        sendData: (_, data, binary) =>
          void this.sent.push({ data: Buffer.from(data as string).toString(), binary }),
        sendAck: (_, count) => void this.acks.push(count),
        sendControl: (message) => void this.control.push(message),
        scheduleAck: (source) => void this.sources.add(source),
        release() {},
      },
      1,
      {
        type: MessageType.OpenConnection,
        link: 1,
        connectionId: 'c1',
        epoch: 1,
        port: 0,
        path: '/chat',
        inbound: 0,
        request: {
          method: 'GET',
          url: '/chat',
          httpVersion: '1.1',
          rawHeaders: [],
          remoteAddress: '127.0.0.1',
          remotePort: 1,
          encrypted: false,
        },
      },
      ack,
      { retainedBytes, retainedMessages },
      { moveChanged() {}, linkEnded() {}, linkDetached() {}, linkForgotten() {} },
      this.socket,
    );
    this.socket.attach(this.link);
    this.server.clients.add(this.socket.client);
    this.link.accept('');
    this.control.length = 0;
  }

  /** The acknowledged count, after the end of the turn. */
  get acknowledged(): number {
    for (const source of this.sources) source.writeAck();
    this.sources.clear();
    return this.acks.at(-1) ?? 0;
  }

  /** Records the events of these names with their arguments. */
  record(...names: string[]): this {
    for (const name of names) {
      this.socket.on(name, (...args: unknown[]) => {
        this.events.push([name, ...args.map((it) => (Buffer.isBuffer(it) ? it.toString() : it))]);
      });
    }
    return this;
  }

  receive(data: Payload, binary = false): void {
    this.link.onData(data, binary);
  }

  taken(count: number): void {
    this.link.onAck(count, []);
  }

  ends(code: number, reason = ''): void {
    this.link.onMessage({ type: MessageType.CloseConnection, link: 1, code, reason });
  }

  /** The relay has all that was sent before the connection left. */
  letGo(): void {
    this.link.onMessage({
      type: MessageType.CloseConnection,
      link: 1,
      code: 1012,
      reason: 'shutdown',
      migration: { server: 'hub-2', reason: 'shutdown', attempt: 1 },
    });
  }

  askToMove(attempt = 1): void {
    const deadlineMs = 1000;
    this.link.onMessage({
      type: MessageType.MigrateConnectionRequest,
      link: 1,
      kind: 'migrate',
      attempt,
      reason: 'shutdown',
      deadlineMs,
    });
  }

  moves(outcome: 'committed' | 'rolledBack', attempt = 1): void {
    this.link.onMessage({
      type: MessageType.MigrateConnectionAck,
      link: 1,
      epoch: 2,
      attempt,
      outcome,
      reason: 'shutdown',
      server: 'hub-2',
    });
  }

  /** Names of the control messages that were sent. */
  get said(): string[] {
    const names = new Map<number, string>(
      Object.entries(MessageType).map(([name, type]) => [type, name]),
    );
    return this.control.map(({ type }) => names.get(type)!);
  }
}
