import { ProtocolError, ServiceCloseCode } from './errors.js';
import { MessageType } from './messages.js';
import type {
  LinkMessage,
  MigrateConnectionAck,
  MigrateConnectionResponse,
  MigrationInfo,
  OpenConnection,
  OpenConnectionResponse,
  Payload,
} from './messages.js';
import type { AckSource, LinkChannel, LinkEnd } from './session.js';

/** A code and a reason, from a client or for one. */
export interface CloseCause {
  code: number;
  reason: string;
}

/** A service connection on which a link can be opened. */
export interface BindingTarget extends LinkChannel {
  readonly serverId: string;
  bind(end: LinkEnd): number;
}

/** What a binding reports to its link. */
export interface BindingEvents {
  onOpened(binding: RelayBinding, answer: OpenConnectionResponse): void;
  onData(binding: RelayBinding, data: Payload, binary: boolean): void;
  onPing(binding: RelayBinding, data: Uint8Array): void;
  onPong(binding: RelayBinding, data: Uint8Array): void;
  onAck(binding: RelayBinding, count: number, ranges: readonly number[]): void;
  onServerClose(binding: RelayBinding, cause: CloseCause): void;
  onMigrateResponse(binding: RelayBinding, answer: MigrateConnectionResponse): void;
  onReleased(binding: RelayBinding, close: CloseCause | undefined): void;
  onLost(binding: RelayBinding): void;
}

/**
 * A link's binding to one service connection of one hub server: its link number there, what was
 * received on it, and what the server sent before the client may have it.
 */
export class RelayBinding implements LinkEnd, AckSource {
  readonly serverId: string;
  readonly number: number;
  private answered = false;
  private received = 0;
  private takenCount = 0;
  private ackScheduled = false;
  private over = false;
  /** What the server sent while another server's messages must come first. */
  private held: (() => void)[] | undefined;

  constructor(
    private readonly target: BindingTarget,
    private readonly events: BindingEvents,
    hold: boolean,
  ) {
    this.serverId = target.serverId;
    this.number = target.bind(this);
    if (hold) this.held = [];
  }

  /** To be called when the client's socket has taken a message of this binding. */
  readonly onTaken = (): void => {
    this.takenCount++;
    if (this.ackScheduled || this.over) return;
    this.ackScheduled = true;
    this.target.scheduleAck(this);
  };

  open(message: Omit<OpenConnection, 'type' | 'link'>): void {
    this.target.sendControl({ type: MessageType.OpenConnection, link: this.number, ...message });
  }

  send(data: Payload, binary: boolean): void {
    this.target.sendData(this.number, data, binary);
  }

  pong(data: Uint8Array): void {
    this.target.sendControl({ type: MessageType.ClientPong, link: this.number, data });
  }

  requestMigration(attempt: number, reason: string, deadlineMs: number): void {
    this.target.sendControl({
      type: MessageType.MigrateConnectionRequest,
      link: this.number,
      attempt,
      reason,
      deadlineMs,
    });
  }

  acknowledgeMigration(message: Omit<MigrateConnectionAck, 'type' | 'link'>): void {
    this.target.sendControl({
      type: MessageType.MigrateConnectionAck,
      link: this.number,
      ...message,
    });
  }

  /** Tells the server that the connection is over, or that it lives on elsewhere. */
  close(code: number, reason: string, migration?: MigrationInfo): void {
    if (this.over) return;
    this.target.sendControl({
      type: MessageType.CloseConnection,
      link: this.number,
      code,
      reason,
      ...(migration && { migration }),
    });
    this.release();
  }

  /** Frees the link number; what still arrives on it is stale. */
  release(): void {
    if (this.over) return;
    this.over = true;
    this.held = undefined;
    this.target.release(this.number);
  }

  /** From now on the client gets what this server sends, first what was held. */
  letThrough(): void {
    const { held } = this;
    this.held = undefined;
    for (const event of held ?? []) event();
  }

  onData(data: Payload, binary: boolean): void {
    this.checkAnswered('data');
    this.received++;
    this.pass(() => this.events.onData(this, data, binary));
  }

  onAck(count: number, ranges: readonly number[]): void {
    this.checkAnswered('acknowledgement');
    this.events.onAck(this, count, ranges);
  }

  onMessage(message: LinkMessage): void {
    if (message.type === MessageType.OpenConnectionResponse) {
      if (this.answered) this.fail('OpenConnectionResponse a second time');
      this.answered = true;
      this.events.onOpened(this, message);
      return;
    }
    this.checkAnswered(`message 0x${message.type.toString(16)}`);
    switch (message.type) {
      case MessageType.CloseConnection:
        this.pass(() => this.events.onServerClose(this, message));
        return;
      case MessageType.ClientPing:
        this.pass(() => this.events.onPing(this, message.data));
        return;
      case MessageType.ClientPong:
        this.pass(() => this.events.onPong(this, message.data));
        return;
      case MessageType.MigrateConnectionResponse:
        this.checkSent(message.sent);
        this.events.onMigrateResponse(this, message);
        return;
      case MessageType.ConnectionReleased:
        this.checkSent(message.sent);
        this.events.onReleased(this, message.close);
        return;
    }
  }

  onLost(): void {
    if (this.over) return;
    this.over = true;
    this.events.onLost(this);
  }

  writeAck(): void {
    this.ackScheduled = false;
    if (!this.over) this.target.sendAck(this.number, this.takenCount, []);
  }

  /** @throws ProtocolError that names this link */
  fail(fault: string): never {
    throw new ProtocolError(ServiceCloseCode.OutOfOrder, `link ${this.number}: ${fault}`);
  }

  private pass(event: () => void) {
    if (this.held) this.held.push(event);
    else event();
  }

  private checkAnswered(what: string) {
    if (!this.answered) this.fail(`${what} before OpenConnectionResponse`);
  }

  private checkSent(sent: number) {
    if (sent !== this.received) this.fail(`${sent} messages sent, ${this.received} received`);
  }
}
