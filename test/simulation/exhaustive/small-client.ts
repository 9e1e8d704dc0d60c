import type { Taker } from '../../../lib/protocol/server-stream.js';
import type { Payload } from '../../../lib/protocol/messages.js';
import type { ClientConnection, ClientSocket } from '../../../lib/relay/client-connection.js';
import type { RelayCore } from '../../../lib/relay/relay-core.js';
import { readServerMessage } from '../client-message.js';
import type { ClientSide, Ledger } from '../ledger.js';
import { ENDPOINT } from './small-server.js';

/** The only client, with its socket at the relay and no time between them. */
export class SmallClient implements ClientSocket {
  readonly side: ClientSide;
  private connection!: ClientConnection;

  constructor(
    private readonly relay: RelayCore,
    private readonly ledger: Ledger,
  ) {
    this.side = ledger.addClient(0);
  }

  get alive(): boolean {
    const { opened, gone, closedByRelay } = this.side;
    return opened && !gone && !closedByRelay;
  }

  /** Bytes and messages that the core still keeps for this client. */
  get retained(): number {
    const { link } = this.connection as unknown as {
      link?: { inbound: { bytes: number; messages: number } };
    };
    return link ? link.inbound.bytes + link.inbound.messages : 0;
  }

  /** serverId of the hub server that has the client. */
  get serverId(): string | undefined {
    return this.connection.serverId;
  }

  connect(): void {
    const request = {
      method: 'GET',
      url: '/chat?client=0',
      httpVersion: '1.1',
      rawHeaders: [],
      remoteAddress: '127.0.0.1',
      remotePort: 1024,
      encrypted: false,
    };
    this.connection = this.relay.connect(ENDPOINT, request, this);
  }

  sendMessage(): number {
    const seq = ++this.side.sent;
    this.side.taken = seq;
    this.connection.message(`0|${seq}`, false);
    return seq;
  }

  leave(): void {
    this.side.left = true;
    this.ended(4000, 'client closed');
  }

  /** The closing handshake that the relay began is over. */
  answerClose(): void {
    const { code, reason } = this.side.closedByRelay!;
    this.ended(code, reason);
  }

  accept(): void {
    this.side.opened = true;
  }

  refuse(status: number, reason: string): void {
    this.side.refused = status;
    this.ledger.violate(4, `the client is refused: ${status} ${reason}`);
  }

  send(data: Payload, _binary: boolean, taker: Taker): void {
    const { side, ledger } = this;
    if (side.gone) ledger.violate(7, 'a message for a client that is gone');
    if (!this.alive) return;
    const message = readServerMessage(data);
    const { connection, seq } = message;
    side.received.push(message);
    ledger.trace(() => `the client gets ${connection}|${seq}`);
    taker.onTaken(1);
  }

  ping(): void {}
  pong(): void {}

  close(code: number, reason: string): void {
    const { side, ledger } = this;
    if (side.gone) ledger.violate(7, 'a close for a client that is gone');
    if (!this.alive) return;
    side.closedByRelay = { code, reason };
    side.takenBeforeClose = side.taken;
    ledger.trace(() => `the relay closes the client: ${code} ${reason}`);
  }

  pause(): void {}
  resume(): void {}

  private ended(code: number, reason: string) {
    if (this.side.gone) return;
    this.side.gone = { code, reason };
    this.connection.closed(code, reason);
  }
}
