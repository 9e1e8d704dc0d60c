import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';

/** The limit of every wait of the suite, far above what a healthy machine needs. */
export const LIMIT_MS = 5_000;

export interface Received {
  data: Buffer;
  isBinary: boolean;
  text: string;
  /** The parsed frame, undefined when it is not JSON. */
  json: unknown;
}

export interface Closed {
  code: number;
  reason: string;
}

type Predicate = (message: Received) => boolean;

/** A plain `ws` client with an inbox: nothing that arrives is lost between two waits. */
export class TestClient {
  readonly inbox: Received[] = [];
  readonly closed: Promise<Closed>;
  private readonly waiters = new Set<() => void>();

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary) => {
      const text = data.toString();
      this.inbox.push({ data, isBinary, text, json: isBinary ? undefined : parse(text) });
      this.waiters.forEach((waiter) => waiter());
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Sends a frame as Nest's default parser expects it. */
  emit(event: string, data?: unknown): void {
    this.socket.send(JSON.stringify({ event, data }));
  }

  /** Takes the first message that matches out of the inbox, waiting for it if need be. */
  async next(predicate: Predicate = () => true, limitMs = LIMIT_MS): Promise<Received> {
    await this.until(() => this.inbox.some(predicate), limitMs);
    const index = this.inbox.findIndex(predicate);
    return this.inbox.splice(index, 1)[0];
  }

  /** The next message, parsed. */
  async json(): Promise<unknown> {
    return (await this.next()).json;
  }

  /** Takes the first `count` messages out of the inbox, parsed. */
  async take(count: number): Promise<unknown[]> {
    await this.until(() => this.inbox.length >= count, LIMIT_MS);
    return this.inbox.splice(0, count).map((message) => message.json);
  }

  /** Sends an event and gives the next message, whatever it is. */
  ask(event: string, data?: unknown): Promise<unknown> {
    this.emit(event, data);
    return this.json();
  }

  /** Closes and waits for the closing handshake. */
  close(code?: number, reason?: string): Promise<Closed> {
    this.socket.close(code, reason);
    return this.closed;
  }

  private until(condition: () => boolean, limitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(check);
        const inbox = this.inbox.map((message) => message.text.slice(0, 200));
        reject(new Error(`not received in ${limitMs} ms; inbox: ${JSON.stringify(inbox)}`));
      }, limitMs);
      const check = (): void => {
        if (condition()) {
          clearTimeout(timer);
          this.waiters.delete(check);
          resolve();
        }
      };
      this.waiters.add(check);
      check();
    });
  }
}

/** A client that is terminated when the test ends; call it inside a test. */
export function dial(url: string, protocols: string[] = [], options: ClientOptions = {}) {
  const socket = new WebSocket(url, protocols, { handshakeTimeout: LIMIT_MS, ...options });
  onTestFinished(() => socket.terminate());
  return new TestClient(socket);
}

/** An open client. */
export async function connect(url: string, protocols?: string[], options?: ClientOptions) {
  const client = dial(url, protocols, options);
  await once(client.socket, 'open');
  return client;
}

export interface Refused {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The HTTP answer of an upgrade that must fail, or 'destroyed' when there is none. */
export function refusal(url: string, protocols: string[] = []): Promise<Refused | 'destroyed'> {
  const { socket } = dial(url, protocols);
  return new Promise((resolve, reject) => {
    socket.on('open', () => reject(new Error(`${url} was accepted`)));
    socket.on('error', () => resolve('destroyed'));
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
  });
}

/** Own ports are opened while the app starts, but nobody awaits it. */
export async function untilListening(port: number, host = '127.0.0.1'): Promise<void> {
  await eventually(async () => {
    const socket = connectTcp(port, host);
    await once(socket, 'connect').finally(() => socket.destroy());
  });
}

/** Repeats a check until it holds. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: LIMIT_MS, interval: 5 });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
