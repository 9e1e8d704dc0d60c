import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { MAX_CONTROL_BYTES } from '../protocol/frames.js';
import type { ClientRequest } from '../protocol/messages.js';
import type { Refusal } from './http-refusal.js';
import type { ProxiedAddress } from './proxy-protocol.js';
import type { SharedTexts } from './shared-texts.js';

/** A request to become a WebSocket, and the socket it came on. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** What the client sent behind its request. */
  readonly head: Buffer;
}

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VERSIONS = '13, 8';

/** What a request may have to fit into one message of the protocol, whatever the options allow. */
const MAX_TEXT_LENGTH = 65_536;
const MAX_RAW_HEADERS = 4000;
const MAX_REQUEST_BYTES = MAX_CONTROL_BYTES - 65_536;

/** The path of a request; `undefined` when its URL is malformed. */
export function pathnameOf({ url = '' }: IncomingMessage): string | undefined {
  try {
    return new URL(url, 'ws://relay/').pathname;
  } catch {
    return undefined;
  }
}

/** Whether the request asks for a WebSocket at all. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** What makes a request no valid WebSocket handshake. */
export function checkHandshake({ method, headers }: IncomingMessage): Refusal | undefined {
  if (method !== 'GET') {
    return { status: 405, text: 'the method must be GET', headers: ['Allow', 'GET'] };
  }
  if (!['13', '8'].includes(headers['sec-websocket-version'] ?? '')) {
    const text = `Sec-WebSocket-Version must be one of ${VERSIONS}`;
    return { status: 426, text, headers: ['Sec-WebSocket-Version', VERSIONS] };
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) {
    return { status: 400, text: 'Sec-WebSocket-Key is missing or malformed' };
  }
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  if (!offered.every((name) => TOKEN.test(name)) || new Set(offered).size < offered.length) {
    return { status: 400, text: 'Sec-WebSocket-Protocol is malformed' };
  }
  return undefined;
}

/** Whether request line and headers are too large. */
export function checkSize(
  { url = '', rawHeaders }: IncomingMessage,
  maxBytes: number,
): Refusal | undefined {
  let bytes = Buffer.byteLength(url);
  let longest = url.length;
  for (const text of rawHeaders) {
    bytes += Buffer.byteLength(text);
    longest = Math.max(longest, text.length);
  }
  const tooLarge =
    bytes > Math.min(maxBytes, MAX_REQUEST_BYTES) ||
    longest > MAX_TEXT_LENGTH ||
    rawHeaders.length > MAX_RAW_HEADERS;
  return tooLarge ? { status: 431, text: 'request line and headers are too large' } : undefined;
}

/**
 * The request as hub servers get it.
 * @param texts of the clients that were here before
 */
export function toClientRequest(
  { request, socket }: Upgrade,
  { address, port }: ProxiedAddress,
  texts: SharedTexts,
): ClientRequest {
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    httpVersion: request.httpVersion,
    rawHeaders: texts.headers(request.rawHeaders),
    remoteAddress: address,
    remotePort: port,
    encrypted: (socket as Partial<TLSSocket>).encrypted === true,
  };
}
