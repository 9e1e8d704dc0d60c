import type { OpenConnection } from '../../lib/protocol/messages.js';
import type { ServerMessage } from './client-message.js';

/** What happened to a client's message at an application. */
export interface Handling {
  client: number;
  seq: number;
  /** The application's connection object that handled it. */
  connection: number;
  /** Handlers of other connection objects of this client that were still running. */
  runningElsewhere: number;
  /** The handler stopped before its end: another one may go on. */
  suspended?: boolean;
}

/** One connection object of an application: from `open` until its `closed` callback. */
export interface ServerSide {
  key: number;
  client: number;
  serverId: string;
  epoch: number;
  migrated: boolean;
  /** Another server was lost, and this one took over. */
  crashed: boolean;
  /** The results of each request that was at work when it was opened. */
  cursors: ReadonlyMap<number, number>;
  /** It was not migratable at some time. */
  wasKept?: boolean;
  accepted: boolean;
  refused: boolean;
  /** Messages that the application sent, and how many before it asked for the connection's close. */
  sent: number;
  sentBeforeClose: number | undefined;
  running: number;
  closed: { code: number; reason: string; migration: string | undefined }[];
  /** The service connection or the server was gone, or another server has taken over. */
  lost: boolean;
  /** The relay heard that this connection was accepted. */
  held?: boolean;
  /** There is a reason that the client did not get what was sent last. */
  cutShort?: boolean;
  /** Its server died after its end, with messages that no handler had got yet. */
  diedWithMessages: boolean;
}

/** How a client's connection ended, as the client and its socket at the relay saw it. */
export interface ClientSide {
  index: number;
  /** Upgrade answered with 101. */
  opened: boolean;
  refused: number | undefined;
  /** Messages that the client has sent, and how many of them the relay was given. */
  sent: number;
  taken: number;
  /** Messages with which the applications are done, as far as their acknowledgement goes. */
  completed: number;
  /** Messages that the relay was given before it started to close the socket. */
  takenBeforeClose: number | undefined;
  /** What the client received, in order. */
  received: ServerMessage[];
  /** The socket at the relay is gone. */
  gone: { code: number; reason: string } | undefined;
  /** The relay closed it. */
  closedByRelay: { code: number; reason: string } | undefined;
  /** The client began to close, or cut it. */
  left: boolean;
  cut: boolean;
  phase: string;
  /** The origin said that its application has the last word. */
  announced?: boolean;
  /** When the attempt to move it that was asked for last must be over. */
  attemptUntil?: number;
  /** When it left a server for another one, as the relay sees it. */
  leftAt?: number;
  /** How often it has moved to another server. */
  moves?: number;
  /** An origin was ready to let it go, with all that it had; or another server took over. */
  departed?: boolean;
  /** Epoch with which a server has been asked to take it, until the relay does not wait for the answer. */
  opening?: number | undefined;
  /** The service connection that its messages take. */
  home: unknown;
  /** The service connection on which its server was asked last to go on. */
  asked: unknown;
  /** Numbers of the messages whose acknowledgement reached the relay. */
  acknowledged: Set<number>;
  /** Its requests, and how many results are due to each. */
  requests: Map<number, number>;
}

/** What is seen from outside of the core, at the clients and at the applications. */
export class Ledger {
  readonly clients: ClientSide[] = [];
  readonly connections: ServerSide[] = [];
  readonly handled: Handling[] = [];
  readonly violations: string[] = [];
  readonly occurred = new Map<string, number>();

  /** @param onTrace gets each line of a readable trace */
  constructor(
    private readonly now: () => number,
    private readonly onTrace?: (line: string) => void,
  ) {}

  addClient(index: number): ClientSide {
    const client: ClientSide = {
      index,
      opened: false,
      refused: undefined,
      sent: 0,
      taken: 0,
      completed: 0,
      takenBeforeClose: undefined,
      received: [],
      gone: undefined,
      closedByRelay: undefined,
      left: false,
      cut: false,
      phase: 'opening',
      home: undefined,
      asked: undefined,
      acknowledged: new Set(),
      requests: new Map(),
    };
    this.clients.push(client);
    return client;
  }

  /** @param cursors the results of the requests that were at work before */
  addConnection(
    client: number,
    { dead, serverId }: { readonly dead: boolean; readonly serverId: string },
    { epoch, migration }: OpenConnection,
    cursors: ReadonlyMap<number, number> = new Map(),
  ): ServerSide {
    const side: ServerSide = {
      key: this.connections.length,
      client,
      serverId,
      epoch,
      migrated: migration !== undefined,
      crashed: migration?.reason === 'crash',
      cursors,
      accepted: false,
      refused: false,
      sent: 0,
      sentBeforeClose: undefined,
      running: 0,
      closed: [],
      lost: dead,
      diedWithMessages: false,
    };
    this.connections.push(side);
    return side;
  }

  count(what: string): void {
    this.occurred.set(what, (this.occurred.get(what) ?? 0) + 1);
  }

  /** @param invariant number of the invariant of the design */
  violate(invariant: number, what: string): void {
    this.violations.push(`invariant ${invariant}: ${what}`);
    this.trace(() => `VIOLATION of ${invariant}: ${what}`);
  }

  trace(line: () => string): void {
    this.onTrace?.(`${this.now().toFixed(0).padStart(6)} ms  ${line()}`);
  }

  /** Counts an occurrence with the phase in which the client's connection is. */
  countInPhase(what: string, client: number): void {
    this.count(`${what} while ${this.clients[client]?.phase ?? 'unknown'}`);
  }
}
