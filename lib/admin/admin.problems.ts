import { STATUS_CODES } from 'node:http';
import type { CommandResult, MigrationState } from '../protocol/messages.js';
import { mustBe } from '../options/options.messages.js';
import { ProblemException } from './problem.exception.js';
import type { FieldError, Problem } from './problem.exception.js';

/** An error of Express' body parser or of Fastify. */
interface PlatformError {
  statusCode: number;
  type: string;
  code: string;
  message: string;
}

const typeOf = (name: string) => `urn:nestjs-ws-migration:problem:${name}`;

/** @param given whether the request had a token, which then is wrong */
export function unauthorized(given: boolean): ProblemException {
  const realm = 'Bearer realm="migration-admin"';
  return new ProblemException(
    {
      type: typeOf('unauthorized'),
      title: 'No valid token',
      status: 401,
      detail: given
        ? 'the token is none of admin.tokens'
        : 'send one of admin.tokens as "Authorization: Bearer <token>"',
    },
    { 'WWW-Authenticate': given ? `${realm}, error="invalid_token"` : realm },
  );
}

export function invalidRequest(errors: readonly FieldError[]): ProblemException {
  const problem = {
    type: typeOf('invalid-request'),
    title: 'Invalid request',
    status: 400,
    detail: errors.map(({ field, detail }) => `${field} ${detail}`).join('; '),
    errors,
  };
  return new ProblemException(problem);
}

/** @param got what the body is instead */
export function invalidBody(got: string): ProblemException {
  return invalidRequest([{ field: 'body', detail: mustBe('a JSON object', got) }]);
}

/** What a platform says of a body that it could not read; `undefined` when it speaks of something else. */
export function unreadableBody(error: unknown): ProblemException | undefined {
  const { statusCode, type, code, message } = Object(error) as Partial<PlatformError>;
  if (type === 'entity.parse.failed' || code === 'FST_ERR_CTP_INVALID_JSON_BODY') {
    return invalidBody('text that cannot be read as one');
  }
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return invalidBody('nothing');
  if (statusCode === 415) return unsupportedMediaType();
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined;
  return new ProblemException(plainProblem(statusCode, message ?? ''));
}

/** An error without a type of its own. */
export function plainProblem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}

export function unsupportedMediaType(): ProblemException {
  return new ProblemException({
    type: typeOf('unsupported-media-type'),
    title: 'The body is not declared as JSON',
    status: 415,
    detail: 'the body cannot be read; send it with "Content-Type: application/json"',
  });
}

export function unknownIngress(ingress: string): ProblemException {
  const problem = {
    type: typeOf('unknown-ingress'),
    title: 'Unknown ingress',
    status: 404,
    detail: `nothing comes through the ingress "${ingress}", and no option names it`,
    ingress,
  };
  return new ProblemException(problem);
}

export function noReload(ingress: string): ProblemException {
  const problem = {
    type: typeOf('no-reload'),
    title: 'No reload',
    status: 404,
    detail: `no reload of the ingress "${ingress}" was asked for`,
    ingress,
  };
  return new ProblemException(problem);
}

export function lastIngress(ingress: string, servers: readonly string[]): ProblemException {
  const problem = {
    type: typeOf('last-ingress'),
    title: 'Last ingress',
    status: 409,
    detail: `"${ingress}" is the only way to ${servers.join(', ')}; give them another one, or set relay.lastIngress to 'wait'`,
    ingress,
    servers,
  };
  return new ProblemException(problem);
}

export function unknownServer(server: string): ProblemException {
  const problem = {
    type: typeOf('unknown-server'),
    title: 'Unknown hub server',
    status: 404,
    detail: `no hub server with the serverId "${server}" is connected`,
    server,
  };
  return new ProblemException(problem);
}

export function unknownConnection(connectionId: string): ProblemException {
  const problem = {
    type: typeOf('unknown-connection'),
    title: 'Unknown connection',
    status: 404,
    detail: `no client has the connectionId "${connectionId}" here`,
    connectionId,
  };
  return new ProblemException(problem);
}

/** Why a migration cannot be asked for or taken back. */
const REFUSALS: Readonly<
  Record<
    Exclude<CommandResult, 'ok' | 'unknown'>,
    readonly [name: string, title: string, detail: string]
  >
> = {
  tooLate: [
    'migration-too-late',
    'Too late',
    'the connection is about to move: only its own server can stop that until it is ready, and nobody after',
  ],
  notMigratable: [
    'not-migratable',
    'Not migratable',
    'its application does not let the connection move to another hub server',
  ],
  closing: ['connection-closing', 'The connection is closing', 'the connection is being closed'],
  noTarget: [
    'no-target',
    'No target',
    'no hub server that takes connections of this endpoint fits, besides the one that has it',
  ],
  alreadyThere: [
    'already-there',
    'Already there',
    'the hub server that has the connection fits what is asked for',
  ],
  nothingToCancel: ['nothing-to-cancel', 'Nothing to cancel', 'no migration is asked for'],
};

export function migrationRefused(
  connectionId: string,
  result: Exclude<CommandResult, 'ok'>,
  state: MigrationState,
): ProblemException {
  if (result === 'unknown') return unknownConnection(connectionId);
  const [name, title, detail] = REFUSALS[result];
  const problem = { type: typeOf(name), title, status: 409, detail, connectionId, state };
  return new ProblemException(problem);
}

export function relayNotRunning(): ProblemException {
  return new ProblemException({
    type: typeOf('relay-not-running'),
    title: 'The relay does not run',
    status: 503,
    detail: 'the relay of this process has not started yet',
  });
}
