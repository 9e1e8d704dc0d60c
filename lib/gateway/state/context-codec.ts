import { Buffer } from 'node:buffer';
import { encode } from '@msgpack/msgpack';
import { LARGEST_CONTEXT } from '../../options/limits.js';
import { bytes, integer, list, optional, record, text } from '../../protocol/fields.js';
import { decodeMessagePack } from '../../protocol/message-pack.js';
import { contextOutOfBounds } from './state.messages.js';
import type { StateRefusedException } from './state-refused.exception.js';
import { encodeValue } from './value-packer.js';
import { decodeValue, malformedBytes } from './value-reviver.js';

/** A message whose handler takes `@Batch()` and is not done. */
export interface PendingBatch {
  /** Number of the client's message. */
  readonly number: number;
  /** What the handler gave `checkpoint()` last: plain data, dates, maps, sets, bytes. */
  readonly cursor?: unknown;
  /** How many results the client has got. */
  readonly results: number;
}

/** What travels with a connection. */
export interface ConnectionContext {
  /** Grows with every change, where contexts are stored too: tells which of two is newer. */
  readonly sequence?: number;
  /** That of the state; there when the state is. */
  readonly version?: number;
  /** What a `StateDefinition` encoded. */
  readonly state?: Uint8Array;
  readonly batches?: readonly PendingBatch[];
  /** Ids of the requests that the client has cancelled and nobody has answered yet. */
  readonly cancelled?: readonly string[];
}

const MOST_BATCHES = 10_000;
const MOST_CANCELLED = 10_000;
const LONGEST_ID = 1024;

const check = record({
  sequence: optional(integer(1)),
  version: optional(integer(1)),
  state: optional(bytes(LARGEST_CONTEXT)),
  batches: optional(
    list(
      record({ number: integer(0), cursor: optional(bytes(LARGEST_CONTEXT)), results: integer(0) }),
      MOST_BATCHES,
    ),
  ),
  cancelled: optional(list(text(LONGEST_ID), MOST_CANCELLED)),
});

interface WireBatch {
  readonly number: number;
  readonly cursor?: Uint8Array;
  readonly results: number;
}

interface WireContext extends Omit<ConnectionContext, 'batches'> {
  readonly batches?: readonly WireBatch[];
}

function faultIn(context: unknown): string | undefined {
  const fault = check(context);
  if (fault) return fault;
  const { version, state, batches } = context as WireContext;
  if (state && version === undefined) return 'field "version" must be there with a state';
  const numbers = new Set(batches?.map(({ number }) => number));
  if (numbers.size < (batches?.length ?? 0)) return 'field "batches" has a number twice';
  return undefined;
}

/**
 * Equal contexts give equal bytes. Says nothing about their size: see `context.maxBytes`.
 * @throws TypeError when a cursor cannot travel, or RangeError for what `decodeContext` would refuse
 */
export function encodeContext({
  sequence,
  version,
  state,
  batches,
  cancelled,
}: ConnectionContext): Uint8Array {
  const context: WireContext = {
    sequence,
    version,
    state,
    batches: batches?.map(({ number, cursor, results }) => ({
      number,
      cursor: cursor === undefined ? undefined : encodeValue(cursor, 'cursor'),
      results,
    })),
    cancelled,
  };
  const fault = faultIn(context);
  if (fault) throw new RangeError(contextOutOfBounds(fault));
  return encode(context, { ignoreUndefined: true });
}

/**
 * Decodes what `encodeContext` made. Nothing in the result refers to `encoded`.
 * @throws StateRefusedException with the code `malformed`; `invalid` when a cursor is an instance of a
 * class that this server does not know
 */
export function decodeContext(encoded: Uint8Array): ConnectionContext {
  const { batches, ...context } = unpack(encoded);
  if (!batches) return context;
  return {
    ...context,
    batches: batches.map(({ number, cursor, results }) => ({
      number,
      ...(cursor && { cursor: decodeValue(cursor, 'cursor') }),
      results,
    })),
  };
}

function unpack(encoded: Uint8Array): WireContext {
  let context: unknown;
  try {
    const { buffer, byteOffset, byteLength } = encoded;
    context = decodeMessagePack(Buffer.from(buffer, byteOffset, byteLength));
  } catch (error) {
    throw malformedContext(error);
  }
  const fault = faultIn(context);
  if (fault) throw malformedContext(new RangeError(fault));
  const { sequence, version, state, batches, cancelled } = context as WireContext;
  return {
    ...(sequence !== undefined && { sequence }),
    ...(version !== undefined && { version }),
    ...(state && { state: Uint8Array.from(state) }),
    ...(batches && { batches }),
    ...(cancelled && { cancelled }),
  };
}

const malformedContext = (error: unknown): StateRefusedException =>
  malformedBytes('context of the connection', error);
