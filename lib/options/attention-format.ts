import { describeType } from './describe-value.js';
import type { Rule } from './rules.js';

/**
 * The id that a client gave a request. Numbers and the same digits as a string are alike.
 *
 * @publicApi
 */
export type RequestId = string | number;

/**
 * How a client cancels a request that is at work (an *attention*). The messages are those that the
 * message parser returns.
 *
 * @publicApi
 */
export interface AttentionFormat {
  /** The event of a message that cancels another one. */
  readonly event: string;
  /** The id of a request; undefined when it has none and cannot be cancelled. */
  requestId(message: object): RequestId | undefined;
  /** Of a message of that event: the id of the request to cancel; undefined when it names none. */
  cancelledId(message: object): RequestId | undefined;
  /** What the client is sent, once per attention; `found`: whether that request was at work. */
  answer(id: RequestId, found: boolean): unknown;
}

const LONGEST_ID = 128;

interface Message {
  readonly id?: unknown;
  readonly data?: unknown;
}

const isId = (id: unknown): id is RequestId =>
  typeof id === 'number' || (typeof id === 'string' && id !== '' && id.length <= LONGEST_ID);

/** What a format returned, if it is an id. */
export const idFrom = (id: unknown): RequestId | undefined => (isId(id) ? id : undefined);

const idIn = (part: unknown): RequestId | undefined =>
  typeof part === 'object' && part !== null ? idFrom((part as Message).id) : undefined;

/** `{ event: 'cancel', data: { id } }` cancels the request with that `id`, or `data.id`. */
export const DEFAULT_ATTENTION: AttentionFormat = {
  event: 'cancel',
  requestId: (message) => idIn(message) ?? idIn((message as Message).data),
  cancelledId: (message) => idIn((message as Message).data),
  answer: (id, found) => ({ event: 'cancelled', data: { id, found } }),
};

const FUNCTIONS = ['requestId', 'cancelledId', 'answer'] as const;

export function isAttentionFormat(value: unknown): value is AttentionFormat {
  try {
    const format = value as Partial<AttentionFormat>;
    if (typeof format.event !== 'string' || format.event === '') return false;
    return FUNCTIONS.every((name) => typeof format[name] === 'function');
  } catch {
    return false;
  }
}

/** The shape of an attention. */
export function attentionFormat(): Rule {
  return {
    accepted:
      'an object with a text `event` and the functions `requestId`, `cancelledId`, `answer`',
    accepts: isAttentionFormat,
    show: describeType,
  };
}
