import type { Payload } from '../../lib/protocol/messages.js';

/**
 * - `plain`: may be answered or not.
 * - `request`: gets `argument` results and one answer.
 * - `attention`: cancels the request with the sequence number `argument`.
 */
export type MessageKind = 'plain' | 'request' | 'attention';

/** What a simulated client sends. */
export interface ClientMessage {
  readonly client: number;
  /** Counted by the client from 1, as the relay counts. */
  readonly seq: number;
  readonly kind: MessageKind;
  readonly argument: number;
}

const KINDS: readonly MessageKind[] = ['plain', 'request', 'attention'];

export function writeClientMessage(message: ClientMessage, padding: number): string {
  const { client, seq, kind, argument } = message;
  return `${client}|${seq}|${KINDS.indexOf(kind)}|${argument}|${'x'.repeat(padding)}`;
}

export function readClientMessage(data: Payload): ClientMessage {
  const [client, seq, kind, argument] = data.toString().split('|').map(Number);
  return { client: client!, seq: seq!, kind: KINDS[kind!]!, argument: argument! };
}

/** What a hub server sends about a request: result `n`, or that it is over. */
export interface Reply {
  readonly request: number;
  readonly what: number | 'done' | 'cancelled';
}

/** Something that a simulated application sends. */
export interface ServerMessage {
  /** The application's connection object that sent it, and its number there. */
  readonly connection: number;
  readonly seq: number;
  readonly reply?: Reply | undefined;
}

export function writeServerMessage(message: ServerMessage, padding: number): string {
  const { connection, seq, reply } = message;
  const about = reply ? `${reply.request}=${reply.what}` : '';
  return `${connection}|${seq}|${about}|${'y'.repeat(padding)}`;
}

export function readServerMessage(data: Payload): ServerMessage {
  const [connection, seq, about] = data.toString().split('|');
  return { connection: Number(connection), seq: Number(seq), reply: readReply(about!) };
}

function readReply(about: string): Reply | undefined {
  const [request, what] = about.split('=');
  if (what === undefined) return undefined;
  const isEnd = what === 'done' || what === 'cancelled';
  return { request: Number(request), what: isEnd ? what : Number(what) };
}
