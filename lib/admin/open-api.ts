import type * as Swagger from '@nestjs/swagger';
import { createRequire } from 'node:module';
import { DEFAULT_LIMIT, HIGHEST_LIMIT, LONGEST_ID } from './admin.fields.js';
import { MigrationAdminController } from './migration-admin.controller.js';
import * as schemas from './open-api.schemas.js';
import type { Schema } from './open-api.schemas.js';

/** Name of the security scheme; the application's document says what it is. */
const BEARER = 'migration-admin';

type Route = Exclude<keyof MigrationAdminController, symbol>;

interface Operation {
  readonly summary: string;
  /** What the id in the path is. */
  readonly id?: string;
  readonly query?: Readonly<Record<string, Schema>>;
  readonly body?: Schema;
  /** Of the answers; JSON when absent. */
  readonly type?: string;
  readonly answers: Readonly<Record<number, Schema>>;
  readonly problems?: readonly number[];
}

const MEANINGS: Readonly<Record<number, string>> = {
  200: 'Done.',
  202: 'Under way; `Location` has its progress.',
  400: 'Something in the request is wrong.',
  401: 'No valid token.',
  404: 'It is not there, or the admin API is not enabled.',
  409: 'It cannot be done now; `type` and `detail` say why.',
  413: 'The body is too large.',
  415: 'The body is not declared as JSON.',
  503: 'The relay does not run.',
};
const ALWAYS_POSSIBLE = [401, 404, 503];

const INGRESS_ID = 'The ingress instance, as its header, address or option names it.';
const ID: Schema = { type: 'string', minLength: 1, maxLength: LONGEST_ID };

const OPERATIONS: Readonly<Record<Route, Operation>> = {
  listIngresses: { summary: 'Ingress instances', answers: { 200: schemas.INGRESSES } },
  getIngress: {
    summary: 'An ingress instance',
    id: INGRESS_ID,
    answers: { 200: schemas.INGRESS },
    problems: [400],
  },
  reloadIngress: {
    summary: 'Clear an ingress instance that is about to be reloaded',
    id: INGRESS_ID,
    query: {
      wait: { type: 'boolean', default: false, description: 'Answer when the reload is over.' },
    },
    body: schemas.RELOAD_REQUEST,
    answers: { 200: schemas.RELOAD_REPORT, 202: schemas.RELOAD_REPORT },
    problems: [400, 409, 413, 415],
  },
  getReload: {
    summary: 'Progress or result of a reload',
    id: INGRESS_ID,
    answers: { 200: schemas.RELOAD_REPORT },
    problems: [400],
  },
  cancelReload: {
    summary: 'Call a reload off, so that links may use the ingress again',
    id: INGRESS_ID,
    answers: { 200: schemas.RELOAD_REPORT },
    problems: [400],
  },
  listServers: { summary: 'Hub servers', answers: { 200: schemas.SERVERS } },
  getServer: {
    summary: 'A hub server',
    id: 'Its serverId.',
    answers: { 200: schemas.SERVER },
    problems: [400],
  },
  listServiceConnections: {
    summary: 'Service connections',
    answers: { 200: schemas.SERVICE_CONNECTIONS },
  },
  listConnections: {
    summary: 'Client connections, in pages',
    query: {
      server: { ...ID, description: 'Only those of the hub server with this serverId.' },
      ingress: { ...ID, description: 'Only those that came through this ingress.' },
      state: { ...schemas.CONNECTION_STATE, description: 'Only those in this state.' },
      after: { ...ID, description: '`next` of the page before.' },
      limit: { type: 'integer', minimum: 1, maximum: HIGHEST_LIMIT, default: DEFAULT_LIMIT },
    },
    answers: { 200: schemas.CONNECTIONS },
    problems: [400],
  },
  getConnection: {
    summary: 'A client connection',
    id: 'Its connectionId.',
    answers: { 200: schemas.CONNECTION },
    problems: [400],
  },
  requestMigration: {
    summary: 'Move a client connection to another hub server',
    id: 'Its connectionId.',
    body: schemas.MIGRATION_REQUEST,
    answers: { 202: schemas.MIGRATION },
    problems: [400, 409, 413, 415],
  },
  getMigration: {
    summary: 'Progress or result of the migration of a client connection',
    id: 'Its connectionId.',
    answers: { 200: schemas.MIGRATION },
    problems: [400],
  },
  cancelMigration: {
    summary: 'Let a client connection stay that was to move',
    id: 'Its connectionId.',
    answers: { 200: schemas.MIGRATION },
    problems: [400, 409],
  },
  migrationEvents: {
    summary: 'All migrations as they happen, as server-sent events',
    answers: { 200: schemas.EVENTS },
    type: 'text/event-stream',
  },
};

let described = false;

/** Describes the routes to the OpenAPI module of Nest, when it is installed. */
export function describeInOpenApi(): void {
  const swagger = described ? undefined : loadSwagger();
  if (!swagger) return;
  described = true;
  swagger.ApiTags('migration admin')(MigrationAdminController);
  swagger.ApiBearerAuth(BEARER)(MigrationAdminController);
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const { prototype } = MigrationAdminController;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, route)!;
    for (const decorate of decoratorsOf(swagger, operation)) decorate(prototype, route, descriptor);
  }
}

function decoratorsOf(swagger: typeof Swagger, operation: Operation): MethodDecorator[] {
  const { summary, id, query = {}, body, answers, problems = [] } = operation;
  const { type = 'application/json' } = operation;
  const { ApiBody, ApiOperation, ApiParam, ApiQuery, ApiResponse } = swagger;
  const answer = (status: number, type: string, schema: Schema, headers = {}) =>
    ApiResponse({
      status,
      description: MEANINGS[status]!,
      content: { [type]: { schema } },
      headers,
    });
  return [
    ApiOperation({ summary }),
    ...(id === undefined ? [] : [ApiParam({ name: 'id', description: id, schema: ID })]),
    ...Object.entries(query).map(([name, { description = '', ...schema }]) =>
      ApiQuery({ name, description, required: false, schema }),
    ),
    ...(body ? [ApiBody({ required: false, schema: body })] : []),
    ...Object.entries(answers).map(([status, schema]) =>
      answer(Number(status), type, schema, status === '202' ? LOCATION : {}),
    ),
    ...[...ALWAYS_POSSIBLE, ...problems].map((status) =>
      answer(status, 'application/problem+json', schemas.PROBLEM),
    ),
  ];
}

const LOCATION = { Location: { schema: { type: 'string' }, description: 'Where to look again.' } };

/** An optional peer: applications without it have no document. */
function loadSwagger(): typeof Swagger | undefined {
  const require = createRequire(import.meta.url);
  try {
    return require('@nestjs/swagger') as typeof Swagger;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
