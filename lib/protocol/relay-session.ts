import type { Clock } from './clock.js';
import { ServiceCloseCode } from './errors.js';
import { MessageType, PROTOCOL_VERSION } from './messages.js';
import type {
  ControlMessage,
  Drain,
  HandshakeRequest,
  MigrationAnswer,
  MigrationCommand,
  ReclaimConnections,
} from './messages.js';
import { Session } from './session.js';
import type { LinkEnd, SessionTimes } from './session.js';
import type { Transport } from './transport.js';

/** Link numbers have 32 bits and are never given out twice. */
const MAX_LINK = 0xffffffff;

/** What the relay does with a session's events. */
export interface RelaySessionOwner {
  readonly relayId: string;
  /** Names the service connection. */
  readonly sessionId: string;
  /** Whom the transport authenticated, when it did: the only serverId the handshake may name. */
  readonly authenticatedAs?: string | undefined;
  /** The ingress instance that the service connection came through, when it is known. */
  readonly ingress?: string | undefined;
  /** @throws ProtocolError to refuse the hub server */
  established(session: RelaySession, hello: HandshakeRequest): void;
  fin(session: RelaySession): void;
  drain(session: RelaySession, message: Drain): void;
  reclaim(session: RelaySession, message: ReclaimConnections): void;
  /** @returns what came of it */
  command(message: MigrationCommand): Omit<MigrationAnswer, 'type' | 'request'>;
  ended(session: RelaySession, code: number, reason: string): void;
  fault(session: RelaySession, error: unknown): void;
}

/** The relay's end of a service connection. It gives out the link numbers. */
export class RelaySession extends Session {
  /** Names it to people and tools; the hub server does not know it. */
  readonly id: string;
  hello: HandshakeRequest | undefined;
  /** The ingress instance that it came through, when it is known. */
  readonly ingress: string | undefined;
  /** Its ingress is being reloaded: links go elsewhere, if they can. */
  avoided = false;

  constructor(
    transport: Transport,
    clock: Clock,
    handshakeTimeoutMs: number,
    private readonly owner: RelaySessionOwner,
  ) {
    super(transport, clock, { keepAliveMs: 5000, deadAfterMs: 30_000, handshakeTimeoutMs });
    this.id = owner.sessionId;
    this.ingress = owner.ingress;
  }

  /** serverId of the hub server, once the handshake is complete. */
  get serverId(): string {
    return this.hello?.serverId ?? '';
  }

  /** Links bound to this service connection. */
  get linkCount(): number {
    return this.links.size;
  }

  /** Whether links can be opened on this service connection. */
  get canBind(): boolean {
    return this.open && this.highestLink < MAX_LINK;
  }

  /** Gives `end` a link number of this service connection. */
  bind(end: LinkEnd): number {
    this.links.set(++this.highestLink, end);
    return this.highestLink;
  }

  lostByPeer(): void {
    this.end(ServiceCloseCode.Silent, 'the hub server lost this service connection');
  }

  protected onHandshake(message: ControlMessage): void {
    if (message.type !== MessageType.HandshakeRequest) {
      this.refuse(ServiceCloseCode.OutOfOrder, 'the first message must be HandshakeRequest');
    }
    if (message.version !== PROTOCOL_VERSION) {
      this.refuse(
        ServiceCloseCode.UnsupportedVersion,
        `protocol version ${message.version} is not supported, this relay speaks ${PROTOCOL_VERSION}`,
      );
    }
    const { authenticatedAs } = this.owner;
    if (authenticatedAs !== undefined && authenticatedAs !== message.serverId) {
      this.refuse(ServiceCloseCode.Conflict, 'the handshake names another server than the token');
    }
    if (message.deadAfterMs <= message.keepAliveMs) {
      this.refuse(ServiceCloseCode.BadField, 'deadAfterMs must be greater than keepAliveMs');
    }
    this.hello = message;
    const { keepAliveMs, deadAfterMs } = message;
    this.times = { ...this.times, keepAliveMs, deadAfterMs } satisfies SessionTimes;
    this.onEstablished();
    this.sendControl({
      type: MessageType.HandshakeResponse,
      version: PROTOCOL_VERSION,
      relayId: this.owner.relayId,
    });
    this.owner.established(this, message);
  }

  protected onMessage(message: ControlMessage): void {
    switch (message.type) {
      case MessageType.Fin:
        this.owner.fin(this);
        this.sendControl({ type: MessageType.FinAck });
        return;
      case MessageType.Drain:
        this.owner.drain(this, message);
        return;
      case MessageType.ReclaimConnections:
        this.owner.reclaim(this, message);
        return;
      case MessageType.MigrationCommand:
        this.sendControl({
          type: MessageType.MigrationAnswer,
          request: message.request,
          ...this.owner.command(message),
        });
        return;
      case MessageType.RebindConnectionResponse:
      case MessageType.OpenConnectionResponse:
      case MessageType.CloseConnection:
      case MessageType.ClientPing:
      case MessageType.ClientPong:
      case MessageType.ConnectionClosed:
      case MessageType.Checkpoint:
      case MessageType.MigrateConnectionProgress:
      case MessageType.MigrateConnectionResponse:
      case MessageType.ConnectionReleased:
        this.toLink(message);
        return;
      default:
        this.refuse(
          ServiceCloseCode.OutOfOrder,
          `message 0x${message.type.toString(16)} is not for a relay`,
        );
    }
  }

  protected onEnded(code: number, reason: string): void {
    this.owner.ended(this, code, reason);
  }

  protected onInternalFault(error: unknown): void {
    this.owner.fault(this, error);
  }
}
