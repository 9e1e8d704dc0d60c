import type { IncomingHttpHeaders } from 'node:http';
import { describeType, quote } from '../options/describe-value.js';
import { mustBe } from '../options/options.messages.js';
import type { Rule } from '../options/rules.js';
import { invalidBody, invalidRequest, unsupportedMediaType } from './admin.problems.js';
import type { FieldError } from './problem.exception.js';

const MOST_ERRORS = 20;
const JSON_TYPE = /^application\/([\w.-]+\+)?json *(;|$)/i;

/** What a handler needs of a request, on every platform. */
export interface AdminRequest {
  readonly headers: IncomingHttpHeaders;
  readonly query: unknown;
  readonly body?: unknown;
}

/** How a field is read. */
export interface Field<Value> {
  readonly rule: Rule;
  /** What a text stands for; fields of a query are texts. */
  readonly parse?: (text: string) => Value | string;
  /** The fields of a value that is an object. */
  readonly fields?: Readonly<Record<string, Field<unknown>>>;
}

type ValuesOf<Fields> = {
  [Name in keyof Fields]?: Fields[Name] extends Field<infer Value> ? Value : never;
};

/**
 * Reads what is given by the rules of its fields.
 * @throws ProblemException which names every wrong and every unknown field
 */
export function readFields<Fields extends Record<string, Field<unknown>>>(
  given: object,
  fields: Fields,
): ValuesOf<Fields> {
  const errors: FieldError[] = [];
  const values = collect(given, fields, '', errors);
  if (errors.length > 0) throw invalidRequest(errors.slice(0, MOST_ERRORS));
  return values as ValuesOf<Fields>;
}

/** @param prefix of the names in errors */
function collect(
  given: object,
  fields: Readonly<Record<string, Field<unknown>>>,
  prefix: string,
  errors: FieldError[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, raw] of Object.entries(given)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const value = field?.parse && typeof raw === 'string' ? field.parse(raw) : raw;
    if (!field) errors.push(unknown(name, fields, prefix));
    else if (!field.rule.accepts(value)) errors.push(wrong(prefix + name, field.rule, value));
    else if (!field.fields) values[name] = value;
    else values[name] = collect(value as object, field.fields, `${prefix}${name}.`, errors);
  }
  return values;
}

/** @throws ProblemException when the query is wrong */
export function readQuery<Fields extends Record<string, Field<unknown>>>(
  { query }: AdminRequest,
  fields: Fields,
): ValuesOf<Fields> {
  return readFields(Object(query) as object, fields);
}

/** @throws ProblemException when the body is wrong; none is like an empty object */
export function readBody<Fields extends Record<string, Field<unknown>>>(
  { headers, body }: AdminRequest,
  fields: Fields,
): ValuesOf<Fields> {
  const isJson = JSON_TYPE.test(headers['content-type'] ?? '');
  if (!hasContent(headers)) {
    if (isJson) throw invalidBody('nothing');
    return {};
  }
  if (!isJson || body === undefined) throw unsupportedMediaType();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidBody(describeType(body));
  }
  return readFields(body, fields);
}

/** Whether a request has a body that is not empty, as far as its headers tell. */
export function hasContent(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

/** A field of a query that is a number. */
export const parseInteger = (text: string): number | string =>
  /^\d{1,15}$/.test(text) ? Number(text) : text;

/** A field of a query that is `true` or `false`. */
export const parseFlag = (text: string): boolean | string =>
  text === 'true' || (text === 'false' ? false : text);

function wrong(field: string, rule: Rule, value: unknown): FieldError {
  return { field, detail: mustBe(rule.accepted, rule.show(value)) };
}

function unknown(name: string, fields: object, prefix: string): FieldError {
  const field = prefix + (/^[\w.]{1,60}$/.test(name) ? name : quote(name));
  return { field, detail: `is not known here; what is: ${Object.keys(fields).join(', ')}` };
}
