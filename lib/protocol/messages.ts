/** Version of the protocol between relay and hub server. */
export const PROTOCOL_VERSION = 1;

/** What a client's message carries: text as a string or its UTF-8 bytes, binary as bytes. */
export type Payload = string | Buffer;

/** The type byte of a frame. Data and acknowledgements have a fixed layout, all others are MessagePack. */
export const MessageType = {
  Data: 0x01,
  Ack: 0x02,
  HandshakeRequest: 0x20,
  HandshakeResponse: 0x21,
  Ping: 0x22,
  Fin: 0x23,
  FinAck: 0x24,
  Drain: 0x25,
  MigrationCommand: 0x26,
  MigrationAnswer: 0x27,
  OpenConnection: 0x30,
  OpenConnectionResponse: 0x31,
  CloseConnection: 0x32,
  ClientPing: 0x33,
  ClientPong: 0x34,
  ConnectionClosed: 0x35,
  Checkpoint: 0x36,
  MigrateConnectionRequest: 0x40,
  MigrateConnectionResponse: 0x41,
  MigrateConnectionAck: 0x42,
  ConnectionReleased: 0x43,
  RebindConnection: 0x44,
  RebindConnectionResponse: 0x45,
  SkipMessages: 0x46,
  ReclaimConnections: 0x47,
  ConnectionsGone: 0x48,
  MigrateConnectionProgress: 0x49,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/**
 * What may move the clients of an endpoint: nothing, only a shutdown, or also the loss of their hub
 * server (in which messages that were not handled are delivered again).
 */
export type MigrationLevel = 'off' | 'shutdownOnly' | 'any';

/** How a gateway's clients fare when its server shuts down. */
export type ShutdownMode = 'migrateClients' | 'waitForClientsClose' | 'off';

/** Names what a client connects to: the port a gateway asked for (0: the app's own) and its path. */
export interface EndpointKey {
  port: number;
  /** With a leading and without a trailing slash; `*` on a port of its own: every path. */
  path: string;
}

/** A gateway endpoint that a hub server announces. */
export interface Endpoint extends EndpointKey {
  /** Limit of a client message in bytes, when the gateway asks for one below the relay's. */
  maxPayload?: number;
  /** Default `any`. */
  level?: MigrationLevel;
  /** Whether the gateway asks for permessage-deflate towards clients. */
  compress?: boolean;
}

/** The client's upgrade request as the relay received it. */
export interface ClientRequest {
  method: string;
  url: string;
  httpVersion: string;
  /** Alternating names and values, as received. */
  rawHeaders: string[];
  /** The client's address: the peer's, or the one a trusted proxy named. */
  remoteAddress: string;
  remotePort: number;
  encrypted: boolean;
}

/** A hub server, by one or more of its properties; all that are given must fit. */
export interface ServerSelector {
  serverId?: string;
  serverName?: string;
  version?: string;
}

/** How far the migration of a connection to another hub server is. */
export type MigrationState = 'none' | 'requested' | 'ready' | 'migrating' | 'cancelled' | 'failed';

/** Where a connection comes from or goes to, and why. */
export interface MigrationInfo {
  /** serverId of the other server. */
  server: string;
  reason: string;
  attempt: number;
}

export interface HandshakeRequest {
  type: typeof MessageType.HandshakeRequest;
  version: number;
  serverId: string;
  serverName: string;
  appVersion: string;
  endpoints: Endpoint[];
  keepAliveMs: number;
  deadAfterMs: number;
  /** When this process started, in milliseconds since 1970. */
  startedAt?: number;
}

export interface HandshakeResponse {
  type: typeof MessageType.HandshakeResponse;
  version: number;
  relayId: string;
}

export interface Ping {
  type: typeof MessageType.Ping;
}

/** From now on no new client is to be routed to this server. */
export interface Fin {
  type: typeof MessageType.Fin;
}

export interface FinAck {
  type: typeof MessageType.FinAck;
}

/** Move the clients of these endpoints to other servers; close with 1012 what is left at the deadline. */
export interface Drain {
  type: typeof MessageType.Drain;
  deadlineMs: number;
  endpoints: EndpointKey[];
}

/** A hub server asks for a migration, takes the request back, or asks how far it is. */
export interface MigrationCommand {
  type: typeof MessageType.MigrationCommand;
  /** Chosen by the hub server; the answer has it again. */
  request: number;
  action: 'request' | 'cancel' | 'state';
  connectionId: string;
  /** With `request`: to which server; any other when absent. */
  to?: ServerSelector;
  /** With `request`: time for the migration; the relay's own limit when absent. */
  deadlineMs?: number;
  /** With `request`: why. */
  reason?: string;
}

/** What came of a {@link MigrationCommand}. */
export type CommandResult =
  | 'ok'
  | 'unknown'
  | 'tooLate'
  | 'notMigratable'
  | 'closing'
  | 'noTarget'
  | 'alreadyThere'
  | 'nothingToCancel';

export interface MigrationAnswer {
  type: typeof MessageType.MigrationAnswer;
  request: number;
  result: CommandResult;
  state: MigrationState;
  attempt: number;
  /** serverId of the hub server that has the connection. */
  server?: string;
  /** Why it moves, or did not. */
  reason?: string;
  /** What keeps the connection from leaving. */
  waitsFor?: string;
}

export interface OpenConnection {
  type: typeof MessageType.OpenConnection;
  link: number;
  connectionId: string;
  epoch: number;
  port: number;
  path: string;
  request: ClientRequest;
  /** How many inbound messages were handled before; the next one on this link has this number + 1. */
  inbound: number;
  migration?: MigrationInfo;
  /** The subprotocol agreed with the client; only when the connection moves. */
  protocol?: string;
  /** What the application has of the connection; only when it moves. */
  context?: Uint8Array;
}

export interface OpenConnectionResponse {
  type: typeof MessageType.OpenConnectionResponse;
  link: number;
  accepted: boolean;
  /** HTTP status of a refusal. */
  status?: number;
  /** Text of a refusal. */
  reason?: string;
  /** Headers of a refusal: alternating names and values. */
  headers?: string[];
  /** The subprotocol to answer the client with; empty or absent for none. */
  protocol?: string;
}

export interface CloseConnection {
  type: typeof MessageType.CloseConnection;
  link: number;
  code: number;
  reason: string;
  /** Present when this is no true disconnect: the connection lives on at another server. */
  migration?: MigrationInfo;
}

export interface ClientPing {
  type: typeof MessageType.ClientPing;
  link: number;
  data: Uint8Array;
}

export interface ClientPong {
  type: typeof MessageType.ClientPong;
  link: number;
  data: Uint8Array;
}

/** The hub server heard from the relay that the connection is over. */
export interface ConnectionClosed {
  type: typeof MessageType.ConnectionClosed;
  link: number;
}

/** What another server needs to go on with the connection; replaces what was sent before. */
export interface Checkpoint {
  type: typeof MessageType.Checkpoint;
  link: number;
  /** Absent: nothing is needed. */
  context?: Uint8Array;
  /** Whether the connection may move to another hub server. Absent: it may. */
  migratable?: boolean;
}

/** To where a connection moves: to another hub server, or to another service connection of the same. */
export type MoveKind = 'migrate' | 'reroute';

export interface MigrateConnectionRequest {
  type: typeof MessageType.MigrateConnectionRequest;
  link: number;
  kind: MoveKind;
  attempt: number;
  reason: string;
  deadlineMs: number;
  /** To which hub server it is to move, when that was asked for. */
  to?: ServerSelector;
}

export interface MigrateConnectionResponse {
  type: typeof MessageType.MigrateConnectionResponse;
  link: number;
  attempt: number;
  ready: boolean;
  /** Why not, when not ready. */
  reason?: string;
  /** Inbound messages handled so far. */
  handled: number;
  /** Inbound messages received so far. */
  received: number;
  /** Outbound messages sent on this link so far. */
  sent: number;
  /** With READY to migrate: what the application has of the connection. */
  context?: Uint8Array;
  /** With READY to migrate: the application chose another target. */
  to?: ServerSelector;
}

/** How far the origin is with a connection that is asked to leave. */
export interface MigrateConnectionProgress {
  type: typeof MessageType.MigrateConnectionProgress;
  link: number;
  attempt: number;
  /** `waiting` for a safe point; `ready`: it is reached, the application has the last word. */
  state: 'waiting' | 'ready';
  /** What is waited for. */
  waitsFor?: string;
  /** Inbound is to flow until the safe point: the origin looks for attentions in it. */
  flow?: boolean;
}

/**
 * The end of an attempt to move. With `connectionId` it comes on another service connection than the
 * request: the link goes on there.
 */
export interface MigrateConnectionAck {
  type: typeof MessageType.MigrateConnectionAck;
  /** With `connectionId`: the new link number. */
  link: number;
  attempt: number;
  outcome: 'committed' | 'rolledBack';
  /** serverId that holds the connection now. */
  server: string;
  reason: string;
  epoch: number;
  connectionId?: string;
  /** With `connectionId`: outbound messages received from this hub server so far. */
  received?: number;
  /** What the last target said that refused, or what was waited for when time was up. */
  detail?: string;
}

/** A MigrateConnectionAck that takes the link to another service connection. */
export type MigrateConnectionAckElsewhere = MigrateConnectionAck &
  Required<Pick<MigrateConnectionAck, 'connectionId' | 'received'>>;

/** The origin's last word on a link that was moved: all it ever sent has been sent. */
export interface ConnectionReleased {
  type: typeof MessageType.ConnectionReleased;
  link: number;
  attempt: number;
  sent: number;
  /** The application closed the connection on the origin while it moved. */
  close?: { code: number; reason: string };
}

/** A link goes on with another service connection of the same hub server. */
export interface RebindConnection {
  type: typeof MessageType.RebindConnection;
  /** The link number on this service connection. */
  link: number;
  connectionId: string;
  epoch: number;
  /** Outbound messages received from this hub server so far. */
  received: number;
}

export interface RebindConnectionResponse {
  type: typeof MessageType.RebindConnectionResponse;
  link: number;
  /** False when the hub server does not have the connection. */
  accepted: boolean;
  /** Inbound messages received so far. */
  received: number;
}

/** The next inbound messages were acknowledged by a hub server before: they are not sent again. */
export interface SkipMessages {
  type: typeof MessageType.SkipMessages;
  link: number;
  count: number;
}

/** Connections whose service connection the hub server lost. */
export interface ReclaimConnections {
  type: typeof MessageType.ReclaimConnections;
  connections: { connectionId: string; epoch: number }[];
}

/** Of the connections that were reclaimed, those that are not this hub server's any more. */
export interface ConnectionsGone {
  type: typeof MessageType.ConnectionsGone;
  /**
   * `epoch`: as reclaimed. `server`: serverId of the one that has it now; absent when the connection
   * has ended.
   */
  connections: { connectionId: string; epoch: number; server?: string }[];
}

/** Every message that travels as MessagePack. */
export type ControlMessage =
  | HandshakeRequest
  | HandshakeResponse
  | Ping
  | Fin
  | FinAck
  | Drain
  | MigrationCommand
  | MigrationAnswer
  | OpenConnection
  | OpenConnectionResponse
  | CloseConnection
  | ClientPing
  | ClientPong
  | ConnectionClosed
  | Checkpoint
  | MigrateConnectionRequest
  | MigrateConnectionResponse
  | MigrateConnectionProgress
  | MigrateConnectionAck
  | ConnectionReleased
  | RebindConnection
  | RebindConnectionResponse
  | SkipMessages
  | ReclaimConnections
  | ConnectionsGone;

/** The messages that speak of one link. */
export type LinkMessage = Extract<ControlMessage, { link: number }>;
