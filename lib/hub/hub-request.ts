import { IncomingMessage } from 'node:http';
import { headersOf } from '../protocol/headers.js';
import type { Headers } from '../protocol/headers.js';
import type { ClientRequest } from '../protocol/messages.js';

/**
 * A client's upgrade request as gateways see it: what the relay received, looking like Node's
 * `IncomingMessage` without the weight of a stream per client.
 */
export class HubRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: string[];
  readonly complete = true;
  readonly socket: { remoteAddress: string; remotePort: number; encrypted: boolean };
  private parsed: Headers | undefined;

  constructor(request: ClientRequest) {
    const { method, url, httpVersion, rawHeaders, remoteAddress, remotePort, encrypted } = request;
    this.method = method;
    this.url = url;
    this.httpVersion = httpVersion;
    this.rawHeaders = rawHeaders;
    this.socket = { remoteAddress, remotePort, encrypted };
  }

  get headers(): Headers {
    return (this.parsed ??= headersOf(this.rawHeaders));
  }

  get headersDistinct(): Record<string, string[]> {
    const headers = Object.create(null) as Record<string, string[]>;
    for (let i = 0; i + 1 < this.rawHeaders.length; i += 2) {
      (headers[this.rawHeaders[i]!.toLowerCase()] ??= []).push(this.rawHeaders[i + 1]!);
    }
    return headers;
  }

  get connection() {
    return this.socket;
  }

  get httpVersionMajor(): number {
    return Number(this.httpVersion.split('.')[0]);
  }

  get httpVersionMinor(): number {
    return Number(this.httpVersion.split('.')[1] ?? 0);
  }
}
Object.setPrototypeOf(HubRequest.prototype, IncomingMessage.prototype);

/** The request of a client, as the second argument of `handleConnection`. */
export const hubRequest = (request: ClientRequest): IncomingMessage =>
  new HubRequest(request) as unknown as IncomingMessage;
