import type { Clock } from './clock.js';
import { ServiceCloseCode } from './errors.js';
import { MessageType, PROTOCOL_VERSION } from './messages.js';
import type {
  ConnectionsGone,
  ControlMessage,
  HandshakeRequest,
  MigrateConnectionAck,
  MigrateConnectionAckElsewhere,
  MigrationAnswer,
  OpenConnection,
  RebindConnection,
} from './messages.js';
import { Session } from './session.js';
import type { LinkEnd, SessionTimes } from './session.js';
import type { Transport } from './transport.js';

/** What the hub server does with a session's events. */
export interface HubSessionOwner {
  established(session: HubSession, relayId: string): void;
  finAcknowledged(session: HubSession): void;
  /** A link is opened; its end is to be bound at once by {@link HubSession.bind}. */
  openLink(session: HubSession, message: OpenConnection): void;
  /** A connection is to go on with this service connection. */
  rebindLink(session: HubSession, message: RebindConnection): void;
  /** An attempt to move a connection is over, and its link goes on with this service connection. */
  moveLink(session: HubSession, message: MigrateConnectionAckElsewhere): void;
  connectionsGone(session: HubSession, message: ConnectionsGone): void;
  migrationAnswered(session: HubSession, message: MigrationAnswer): void;
  ended(session: HubSession, code: number, reason: string): void;
  fault(session: HubSession, error: unknown): void;
}

/** The hub server's end of a service connection. */
export class HubSession extends Session {
  relayId = '';

  constructor(
    transport: Transport,
    clock: Clock,
    times: SessionTimes,
    hello: Omit<HandshakeRequest, 'type' | 'version'>,
    private readonly owner: HubSessionOwner,
  ) {
    super(transport, clock, times);
    this.sendControl({ type: MessageType.HandshakeRequest, version: PROTOCOL_VERSION, ...hello });
  }

  /** Binds the end of a link that was opened. */
  bind(link: number, end: LinkEnd): void {
    this.links.set(link, end);
  }

  protected onHandshake(message: ControlMessage): void {
    if (message.type !== MessageType.HandshakeResponse) {
      this.refuse(ServiceCloseCode.OutOfOrder, 'the first message must be HandshakeResponse');
    }
    if (message.version !== PROTOCOL_VERSION) {
      this.refuse(
        ServiceCloseCode.UnsupportedVersion,
        `protocol version ${message.version} is not supported, this hub server speaks ${PROTOCOL_VERSION}`,
      );
    }
    this.relayId = message.relayId;
    this.onEstablished();
    this.owner.established(this, message.relayId);
  }

  protected onMessage(message: ControlMessage): void {
    switch (message.type) {
      case MessageType.FinAck:
        this.owner.finAcknowledged(this);
        return;
      case MessageType.OpenConnection:
        this.give(message.link);
        this.owner.openLink(this, message);
        return;
      case MessageType.RebindConnection:
        this.give(message.link);
        this.owner.rebindLink(this, message);
        return;
      case MessageType.ConnectionsGone:
        this.owner.connectionsGone(this, message);
        return;
      case MessageType.MigrationAnswer:
        this.owner.migrationAnswered(this, message);
        return;
      case MessageType.MigrateConnectionAck:
        if (isElsewhere(message)) {
          this.give(message.link);
          this.owner.moveLink(this, message);
        } else {
          this.toLink(message);
        }
        return;
      case MessageType.CloseConnection:
      case MessageType.SkipMessages:
      case MessageType.ClientPong:
      case MessageType.MigrateConnectionRequest:
        this.toLink(message);
        return;
      default:
        this.refuse(
          ServiceCloseCode.OutOfOrder,
          `message 0x${message.type.toString(16)} is not for a hub server`,
        );
    }
  }

  protected onEnded(code: number, reason: string): void {
    this.owner.ended(this, code, reason);
  }

  protected onInternalFault(error: unknown): void {
    this.owner.fault(this, error);
  }

  /** Notes that the relay gave out a link number. */
  private give(link: number) {
    if (link <= this.highestLink) {
      this.refuse(ServiceCloseCode.OutOfOrder, `link ${link} was given out before`);
    }
    this.highestLink = link;
  }
}

function isElsewhere(message: MigrateConnectionAck): message is MigrateConnectionAckElsewhere {
  return message.connectionId !== undefined && message.received !== undefined;
}
