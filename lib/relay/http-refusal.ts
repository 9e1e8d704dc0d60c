import { Buffer } from 'node:buffer';
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import type { Duplex } from 'node:stream';

/** Time a refused client has to read the answer and hang up, in milliseconds. */
const LINGER_MS = 1000;
/** Headers that describe the answer as a whole; nobody else may set them. */
const OWN_HEADERS = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade']);
const DEFAULT_TYPE = ['Content-Type', 'text/plain; charset=utf-8'] as const;

/** An HTTP answer to an upgrade that is not granted. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** Further headers: alternating names and values. Malformed ones are left out. */
  readonly headers?: readonly string[];
}

/** A refusal after which the client should come back. */
export const retryLater = (status: number, text: string, seconds: number): Refusal => ({
  status,
  text,
  headers: ['Retry-After', String(seconds)],
});

/** Answers a raw socket's upgrade request with an error and ends the connection. */
export function refuseUpgrade(socket: Duplex, { status, text, headers = [] }: Refusal): void {
  const body = text;
  const further = usable(headers);
  if (!further.some(([name]) => name.toLowerCase() === 'content-type')) {
    further.push([...DEFAULT_TYPE]);
  }
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...further.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(
    Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]),
  );
  // What the client still sends is read away: a reset would take the answer from it.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function usable(headers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name, value] = [headers[i]!, headers[i + 1]!];
    if (!OWN_HEADERS.has(name.toLowerCase()) && isValid(name, value)) pairs.push([name, value]);
  }
  return pairs;
}

function isValid(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}
