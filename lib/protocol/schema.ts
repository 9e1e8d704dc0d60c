import { bytes, flag, integer, list, name, oneOf, optional, record, text } from './fields.js';
import type { FieldCheck } from './fields.js';
import { MessageType } from './messages.js';

const MAX_LINK = 0xffffffff;
/** Connections in one ReclaimConnections or ConnectionsGone. */
export const MAX_RECLAIMED = 1000;
const identifier = name(128);
const reason = text(1024);
const duration = integer(0, 86_400_000);
const closeCode = integer(1000, 4999);
const endpointKey = { port: integer(0, 65_535), path: text(2048) };
const migration = optional(record({ server: identifier, reason, attempt: integer(0, MAX_LINK) }));
const request = record({
  method: text(32),
  url: text(65_536),
  httpVersion: text(8),
  rawHeaders: list(text(65_536), 4000),
  remoteAddress: text(128),
  remotePort: integer(0, 65_535),
  encrypted: flag,
});
const attempt = integer(0, MAX_LINK);
/** Bytes of a context. */
export const MAX_CONTEXT = 1_000_000;
const context = optional(bytes(MAX_CONTEXT));
const note = text(256);
const to = optional(
  record({
    serverId: optional(identifier),
    serverName: optional(identifier),
    version: optional(identifier),
  }),
);

/** What is sent of a departure, with READY. */
export const checkDeparture = record({ context, to });

/** What the body of each control message must look like. Fields not named here are ignored. */
export const MESSAGE_SCHEMAS: ReadonlyMap<number, FieldCheck> = new Map([
  [
    MessageType.HandshakeRequest,
    record({
      version: integer(0, 65_535),
      serverId: identifier,
      serverName: identifier,
      appVersion: identifier,
      endpoints: list(
        record({
          ...endpointKey,
          maxPayload: optional(integer(1)),
          compress: optional(flag),
          level: optional(oneOf('off', 'shutdownOnly', 'any')),
        }),
        1000,
      ),
      keepAliveMs: integer(10, 3_600_000),
      deadAfterMs: integer(20, 3_600_000),
      startedAt: optional(integer(0)),
    }),
  ],
  [MessageType.HandshakeResponse, record({ version: integer(0, 65_535), relayId: identifier })],
  [MessageType.Ping, record({})],
  [MessageType.Fin, record({})],
  [MessageType.FinAck, record({})],
  [MessageType.Drain, record({ deadlineMs: duration, endpoints: list(record(endpointKey), 1000) })],
  [
    MessageType.MigrationCommand,
    record({
      request: integer(0),
      action: oneOf('request', 'cancel', 'state'),
      connectionId: identifier,
      to,
      deadlineMs: optional(duration),
      reason: optional(note),
    }),
  ],
  [
    MessageType.MigrationAnswer,
    record({
      request: integer(0),
      result: oneOf(
        'ok',
        'unknown',
        'tooLate',
        'notMigratable',
        'closing',
        'noTarget',
        'alreadyThere',
        'nothingToCancel',
      ),
      state: oneOf('none', 'requested', 'ready', 'migrating', 'cancelled', 'failed'),
      attempt,
      server: optional(identifier),
      reason: optional(reason),
      waitsFor: optional(note),
    }),
  ],
  [
    MessageType.OpenConnection,
    record({
      connectionId: identifier,
      epoch: integer(1),
      ...endpointKey,
      request,
      inbound: integer(0),
      migration,
      protocol: optional(text(1024)),
      context,
    }),
  ],
  [
    MessageType.OpenConnectionResponse,
    record({
      accepted: flag,
      status: optional(integer(400, 599)),
      reason: optional(reason),
      headers: optional(list(text(8192), 64)),
      protocol: optional(text(1024)),
    }),
  ],
  [MessageType.CloseConnection, record({ code: closeCode, reason, migration })],
  [MessageType.ClientPing, record({ data: bytes(125) })],
  [MessageType.ClientPong, record({ data: bytes(125) })],
  [MessageType.ConnectionClosed, record({})],
  [MessageType.Checkpoint, record({ context, migratable: optional(flag) })],
  [
    MessageType.MigrateConnectionRequest,
    record({ kind: oneOf('migrate', 'reroute'), attempt, reason, deadlineMs: duration, to }),
  ],
  [
    MessageType.MigrateConnectionResponse,
    record({
      attempt,
      ready: flag,
      reason: optional(reason),
      handled: integer(0),
      received: integer(0),
      sent: integer(0),
      context,
      to,
    }),
  ],
  [
    MessageType.MigrateConnectionAck,
    record({
      attempt,
      outcome: oneOf('committed', 'rolledBack'),
      server: identifier,
      reason,
      epoch: integer(1),
      connectionId: optional(identifier),
      received: optional(integer(0)),
      detail: optional(reason),
    }),
  ],
  [
    MessageType.ConnectionReleased,
    record({
      attempt,
      sent: integer(0),
      close: optional(record({ code: closeCode, reason })),
    }),
  ],
  [
    MessageType.RebindConnection,
    record({ connectionId: identifier, epoch: integer(1), received: integer(0) }),
  ],
  [MessageType.RebindConnectionResponse, record({ accepted: flag, received: integer(0) })],
  [MessageType.SkipMessages, record({ count: integer(1) })],
  [
    MessageType.ReclaimConnections,
    record({
      connections: list(record({ connectionId: identifier, epoch: integer(1) }), MAX_RECLAIMED),
    }),
  ],
  [
    MessageType.ConnectionsGone,
    record({
      connections: list(
        record({ connectionId: identifier, epoch: integer(1), server: optional(identifier) }),
        MAX_RECLAIMED,
      ),
    }),
  ],
  [
    MessageType.MigrateConnectionProgress,
    record({
      attempt,
      state: oneOf('waiting', 'ready'),
      waitsFor: optional(note),
      flow: optional(flag),
    }),
  ],
]);
