import { LONGEST_REASON } from './admin.fields.js';
import { LONGEST_MS } from '../options/limits.js';
import { CONNECTION_STATES } from '../relay/relay-views.js';

/** A JSON schema as OpenAPI has it, as far as it is needed here. */
export interface Schema {
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  default?: string | number | boolean;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema;
}

const text = (description: string): Schema => ({ type: 'string', description });
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
const list = (items: Schema): Schema => ({ type: 'array', items });

/** An object whose properties are all there, besides those named as optional. */
function object(properties: Record<string, Schema>, ...optional: string[]): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, ...(required.length > 0 && { required }) };
}

const ENDPOINT = object({
  port: count('0 is the port of the application.'),
  path: text('`*` is any path.'),
});

export const RELOAD_REPORT = object({
  ingress: text('The ingress instance.'),
  state: {
    type: 'string',
    enum: ['waiting', 'running', 'ready', 'expired', 'cancelled'],
    description: '`ready`: the ingress can be reloaded, nothing depends on it.',
  },
  elapsedMs: count('Time since the reload was asked for, until its end, in milliseconds.'),
  remainingMs: count('Time until the deadline, in milliseconds; 0 once it is over.'),
  links: object({
    moved: count('Moved off the service connections through the ingress.'),
    ended: count('Ended because their client left.'),
    failed: {
      type: 'object',
      additionalProperties: count('Attempts.'),
      description: 'Attempts that failed, by reason; a link is tried again until the deadline.',
    },
    remaining: count('Still on them, or on their way and not arrived.'),
  }),
  clients: object({
    left: count('Clients through the ingress that left.'),
    remaining: count('Clients through the ingress that are still there.'),
  }),
});

export const INGRESS = object(
  {
    ingress: text('The ingress instance.'),
    serviceConnections: count('Service connections through it.'),
    links: count('Client connections on those service connections.'),
    clients: count('Clients whose own socket passes through it.'),
    reload: { ...RELOAD_REPORT, description: 'The present or latest reload.' },
  },
  'reload',
);

export const SERVER = object({
  serverId: text('New at each start of the hub server.'),
  serverName: text('`hub.serverName`.'),
  version: text('`hub.version`.'),
  draining: { type: 'boolean', description: 'It shuts down and gets no new clients.' },
  connections: count('Client connections that it serves.'),
  serviceConnections: count('0 while it may still return.'),
  endpoints: list(ENDPOINT),
});

export const SERVICE_CONNECTION = object(
  {
    id: text('Names the service connection.'),
    state: { type: 'string', enum: ['connecting', 'open', 'closing'] },
    server: text('serverId of its hub server.'),
    ingress: text('The ingress instance that it came through, when it is known.'),
    links: count('Client connections on it.'),
    avoided: { type: 'boolean', description: 'Its ingress is being reloaded.' },
  },
  'server',
  'ingress',
);

export const CONNECTION_STATE: Schema = { type: 'string', enum: [...CONNECTION_STATES] };

const SELECTOR = object(
  {
    serverId: text('`serverId` of the hub server.'),
    serverName: text('Its `hub.serverName`.'),
    version: text('Its `hub.version`.'),
  },
  'serverId',
  'serverName',
  'version',
);

const PROGRESS = {
  state: {
    type: 'string',
    enum: ['none', 'requested', 'ready', 'migrating', 'cancelled', 'failed'],
    description: '`none` with an attempt that is not 0: that attempt has moved the connection.',
  },
  attempt: count('Number of the present or latest attempt; 0 when there was none.'),
  reason: text('Why it moves, has moved, or did not.'),
  from: text('serverId of the hub server from which it moves or has moved.'),
  to: { ...SELECTOR, description: 'Where it is to move, when that was asked for, or has moved.' },
  waitsFor: text('What keeps it from leaving.'),
  detail: text(
    'What the last hub server said that refused it, or what was waited for when time was up.',
  ),
} satisfies Record<string, Schema>;
const OPTIONAL_PROGRESS = ['reason', 'from', 'to', 'waitsFor', 'detail'];

export const MIGRATION = object(
  {
    connectionId: text('The connection.'),
    server: text('serverId of the hub server that has it.'),
    ...PROGRESS,
  },
  'server',
  ...OPTIONAL_PROGRESS,
);

export const MIGRATION_REQUEST: Schema = object(
  {
    to: { ...SELECTOR, description: 'To which hub server; to any other when absent.' },
    deadlineMs: {
      type: 'integer',
      minimum: 1,
      maximum: LONGEST_MS,
      description: 'Time for the migration; `relay.migrationRequestMs` if absent.',
    },
    reason: {
      type: 'string',
      minLength: 1,
      maxLength: LONGEST_REASON,
      default: 'requested',
      description: 'Why; gateways read it as `client.migration.reason`.',
    },
  },
  'to',
  'deadlineMs',
  'reason',
);

export const EVENTS = text(
  'Events of the type `migration`: the data of each is an object with `connectionId`, `at` (milliseconds since 1970), and `state`, `attempt` and the others as in the answer for a connection.',
);

export const CONNECTION = object(
  {
    connectionId: text('Never changes while the connection lives.'),
    state: CONNECTION_STATE,
    endpoint: ENDPOINT,
    address: text("The client's address."),
    ingress: text('The ingress instance that the client came through, when it is known.'),
    server: text('serverId of the hub server that has the connection.'),
    serviceConnection: text('The service connection that carries its link.'),
    link: count('Number of the link on that service connection.'),
    epoch: count('Grows with every binding.'),
    retainedBytes: count('Bytes of its messages that are not handled yet.'),
    migratable: {
      type: 'boolean',
      description: 'Whether its application lets it move to another hub server.',
    },
    migration: {
      ...object(PROGRESS, ...OPTIONAL_PROGRESS),
      description: 'The present or latest migration.',
    },
  },
  'migration',
  'ingress',
  'server',
  'serviceConnection',
  'link',
  'epoch',
);

export const INGRESSES = object({ ingresses: list(INGRESS) });
export const SERVERS = object({ servers: list(SERVER) });
export const SERVICE_CONNECTIONS = object({ serviceConnections: list(SERVICE_CONNECTION) });
export const CONNECTIONS = object(
  {
    connections: list(CONNECTION),
    next: text('`after` of the next page; absent on the last one.'),
  },
  'next',
);

export const RELOAD_REQUEST: Schema = object(
  {
    deadlineMs: {
      type: 'integer',
      minimum: 1,
      maximum: LONGEST_MS,
      description: 'Time in which the ingress is to be cleared; `relay.ingressReloadMs` if absent.',
    },
  },
  'deadlineMs',
);

export const PROBLEM = object(
  {
    type: text('Names the kind of problem; `about:blank` says no more than the status.'),
    title: text('The kind of problem, for people.'),
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: text('What is wrong.'),
    errors: list(object({ field: text('Name of the field.'), detail: text('What is wrong.') })),
    servers: list(text('Name of a hub server that would be cut off.')),
    connectionId: text('The connection.'),
    state: text('The state of its migration.'),
  },
  'connectionId',
  'state',
  'errors',
  'servers',
);
