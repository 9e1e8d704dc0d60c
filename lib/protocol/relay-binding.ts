import { ProtocolError, ServiceCloseCode } from './errors.js';
import { MessageType } from './messages.js';
import type {
  Checkpoint,
  LinkMessage,
  MigrateConnectionAck,
  MigrateConnectionProgress,
  MigrateConnectionRequest,
  MigrateConnectionResponse,
  MigrationInfo,
  OpenConnection,
  OpenConnectionResponse,
  Payload,
  RebindConnectionResponse,
} from './messages.js';
import type { ServerStream } from './server-stream.js';
import type { AckSource, LinkChannel, LinkEnd } from './session.js';

const OPENED = MessageType.OpenConnectionResponse;
const REBOUND = MessageType.RebindConnectionResponse;

const NO_RANGES: readonly number[] = [];

/** A code and a reason, from a client or for one. */
export interface CloseCause {
  code: number;
  reason: string;
}

/** A service connection on which a link can be opened. */
export interface BindingTarget extends LinkChannel {
  readonly id?: string;
  readonly serverId: string;
  /** Whether links should go elsewhere, if they can. */
  readonly avoided?: boolean;
  bind(end: LinkEnd): number;
  /** The hub server says that it lost this service connection, which this side may not know yet. */
  lostByPeer(): void;
}

/** What a binding reports to its link. */
export interface BindingEvents {
  onOpened(binding: RelayBinding, answer: OpenConnectionResponse): void;
  onRebound(binding: RelayBinding, answer: RebindConnectionResponse): void;
  onData(binding: RelayBinding, data: Payload, binary: boolean): void;
  onPing(binding: RelayBinding, data: Uint8Array): void;
  onPong(binding: RelayBinding, data: Uint8Array): void;
  onAck(binding: RelayBinding, count: number, ranges: readonly number[]): void;
  onServerClose(binding: RelayBinding, cause: CloseCause): void;
  onCheckpoint(binding: RelayBinding, checkpoint: Checkpoint): void;
  onMigrateProgress(binding: RelayBinding, progress: MigrateConnectionProgress): void;
  onMigrateResponse(binding: RelayBinding, answer: MigrateConnectionResponse): void;
  onReleased(binding: RelayBinding, close: CloseCause | undefined): void;
  onClosed(binding: RelayBinding): void;
  onLost(binding: RelayBinding): void;
}

/**
 * A link's binding to one service connection of one hub server: its link number there, what was
 * received on it, and what the server sent before the client may have it.
 */
export class RelayBinding implements LinkEnd, AckSource {
  readonly serverId: string;
  readonly number: number;
  /** The answer that must come first. */
  private awaited: typeof OPENED | typeof REBOUND = OPENED;
  private answered = false;
  private ack: 'none' | 'late' | 'soon' = 'none';
  private over = false;

  /** @param stream what the server sends, on bindings before this one too */
  constructor(
    readonly target: BindingTarget,
    private readonly events: BindingEvents,
    readonly epoch: number,
    readonly stream: ServerStream,
  ) {
    this.serverId = target.serverId;
    this.number = target.bind(this);
    stream.binding = this;
  }

  /** Goes on with a connection that the hub server has. */
  rebind(connectionId: string): void {
    this.awaited = REBOUND;
    this.target.sendControl({
      type: MessageType.RebindConnection,
      link: this.number,
      connectionId,
      epoch: this.epoch,
      received: this.stream.received,
    });
  }

  /** Goes on with a connection whose attempt to move is over, and says so. */
  moveHere(
    connectionId: string,
    result: Pick<MigrateConnectionAck, 'attempt' | 'server' | 'reason'>,
  ): void {
    this.awaited = REBOUND;
    this.acknowledgeMigration({
      ...result,
      outcome: 'committed',
      epoch: this.epoch,
      connectionId,
      received: this.stream.received,
    });
  }

  /** Acknowledges at the end of the turn what the client's socket has taken. */
  scheduleAck(): void {
    if (this.ack === 'soon' || this.over) return;
    this.ack = 'soon';
    this.target.scheduleAck(this);
  }

  /** The same a little later, with what is taken until then. */
  scheduleLateAck(): void {
    if (this.ack !== 'none' || this.over) return;
    this.ack = 'late';
    this.target.scheduleAck(this, true);
  }

  skip(count: number): void {
    this.target.sendControl({ type: MessageType.SkipMessages, link: this.number, count });
  }

  open(message: Omit<OpenConnection, 'type' | 'link' | 'epoch'>): void {
    const { number: link, epoch } = this;
    this.target.sendControl({ type: MessageType.OpenConnection, link, epoch, ...message });
  }

  send(data: Payload, binary: boolean): void {
    this.target.sendData(this.number, data, binary, false);
  }

  pong(data: Uint8Array): void {
    this.target.sendControl({ type: MessageType.ClientPong, link: this.number, data });
  }

  requestMigration(message: Omit<MigrateConnectionRequest, 'type' | 'link'>): void {
    const { number: link } = this;
    this.target.sendControl({ type: MessageType.MigrateConnectionRequest, link, ...message });
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
    this.tellClosed(code, reason, migration);
    this.release();
  }

  /** Like {@link close}, and the link number is kept. */
  tellClosed(code: number, reason: string, migration?: MigrationInfo): void {
    this.target.sendControl({
      type: MessageType.CloseConnection,
      link: this.number,
      code,
      reason,
      ...(migration && { migration }),
    });
  }

  /** Frees the link number; what still arrives on it is stale. */
  release(): void {
    if (this.over) return;
    this.over = true;
    this.target.release(this.number);
  }

  onData(data: Payload, binary: boolean, prompt?: boolean): void {
    this.checkAnswered('data');
    this.stream.onReceived(prompt);
    if (this.stream.holding) this.stream.hold(() => this.events.onData(this, data, binary));
    else this.events.onData(this, data, binary);
  }

  onAck(count: number, ranges: readonly number[]): void {
    this.checkAnswered('acknowledgement');
    this.events.onAck(this, count, ranges);
  }

  onMessage(message: LinkMessage): void {
    if (message.type === OPENED || message.type === REBOUND) {
      this.checkAwaited(message.type);
      this.answered = true;
      if (message.type === OPENED) this.events.onOpened(this, message);
      else this.events.onRebound(this, message);
      return;
    }
    this.checkAnswered(`message 0x${message.type.toString(16)}`);
    switch (message.type) {
      case MessageType.CloseConnection:
        this.stream.closing = true;
        this.pass(() => this.events.onServerClose(this, message));
        return;
      case MessageType.ClientPing:
        this.pass(() => this.events.onPing(this, message.data));
        return;
      case MessageType.ClientPong:
        this.pass(() => this.events.onPong(this, message.data));
        return;
      case MessageType.Checkpoint:
        this.events.onCheckpoint(this, message);
        return;
      case MessageType.MigrateConnectionProgress:
        this.events.onMigrateProgress(this, message);
        return;
      case MessageType.MigrateConnectionResponse:
        this.checkSent(message.sent);
        this.events.onMigrateResponse(this, message);
        return;
      case MessageType.ConnectionClosed:
        this.events.onClosed(this);
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
    if (this.ack === 'none') return;
    this.ack = 'none';
    if (!this.over) this.target.sendAck(this.number, this.stream.acknowledge(), NO_RANGES);
  }

  /** @throws ProtocolError that names this link */
  fail(fault: string): never {
    throw new ProtocolError(ServiceCloseCode.OutOfOrder, `link ${this.number}: ${fault}`);
  }

  private pass(event: () => void) {
    if (this.stream.holding) this.stream.hold(event);
    else event();
  }

  private checkAwaited(type: typeof OPENED | typeof REBOUND) {
    const name = type === OPENED ? 'OpenConnectionResponse' : 'RebindConnectionResponse';
    if (this.answered) this.fail(`${name} a second time`);
    if (type !== this.awaited) this.fail(`${name} to another question`);
  }

  private checkAnswered(what: string) {
    if (!this.answered) this.fail(`${what} before OpenConnectionResponse`);
  }

  private checkSent(sent: number) {
    const { received } = this.stream;
    if (sent !== received) this.fail(`${sent} messages sent, ${received} received`);
  }
}
