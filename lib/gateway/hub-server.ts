import { EventEmitter } from 'node:events';
import type { HubClient } from './hub-client.js';

/**
 * What `@WebSocketServer()` gives a gateway: the part of a `ws` WebSocketServer that gateways use.
 * @publicApi
 */
export abstract class HubServer extends EventEmitter {
  /** The clients of this endpoint that this hub server serves at the moment. */
  abstract readonly clients: Set<HubClient>;
  /** Path of the endpoint, with a leading and without a trailing slash. */
  abstract readonly path: string;
  /** What was given to `@WebSocketGateway()`. */
  abstract readonly options: Readonly<Record<string, unknown>>;
  /** The port of an endpoint that has its own, else null. */
  abstract address(): { address: string; family: string; port: number } | null;
  abstract close(callback?: (error?: Error) => void): void;
}
