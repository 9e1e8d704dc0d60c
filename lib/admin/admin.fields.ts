import { LONGEST_MS } from '../options/limits.js';
import { describeType } from '../options/describe-value.js';
import { flag, integer, oneOf, text } from '../options/rules.js';
import type { ServerSelector } from '../protocol/messages.js';
import { CONNECTION_STATES } from '../relay/relay-views.js';
import type { ConnectionState } from '../relay/relay-views.js';
import { parseFlag, parseInteger, readFields } from './request-fields.js';
import type { Field } from './request-fields.js';

export const LONGEST_ID = 256;
/** What a hub server may say of itself. */
export const LONGEST_PROPERTY = 128;
export const LONGEST_REASON = 256;
export const DEFAULT_LIMIT = 100;
export const HIGHEST_LIMIT = 1000;

const id: Field<string> = { rule: text(LONGEST_ID) };
const wait: Field<boolean> = { rule: flag(), parse: parseFlag };
const deadlineMs: Field<number> = { rule: integer(1, LONGEST_MS) };
const state: Field<ConnectionState> = { rule: oneOf(...CONNECTION_STATES) };
const limit: Field<number> = { rule: integer(1, HIGHEST_LIMIT), parse: parseInteger };

const property: Field<string> = { rule: text(LONGEST_PROPERTY) };
const to: Field<ServerSelector> = {
  rule: {
    accepted: 'an object',
    accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    show: describeType,
  },
  fields: { serverId: property, serverName: property, version: property },
};
const reason: Field<string> = { rule: text(LONGEST_REASON) };

/** Fields of `POST …/reload?…`. */
export const RELOAD_QUERY = { wait };

/** Fields of the body of `POST …/reload`. */
export const RELOAD_BODY = { deadlineMs };

/** Fields of the body of `POST …/migration`. */
export const MIGRATION_BODY = { to, deadlineMs, reason };

/** Fields of `GET …/connections?…`. */
export const CONNECTIONS_QUERY = { server: id, ingress: id, state, after: id, limit };

/** @throws ProblemException when the id of the path cannot be one */
export function readId(given: string): string {
  return readFields({ id: given }, { id }).id!;
}
