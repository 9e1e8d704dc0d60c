import type { IncomingHttpHeaders } from 'node:http';

/**
 * A hub server that announced the path of a new client and is not draining.
 *
 * @publicApi
 */
export interface RoutingCandidate {
  readonly serverId: string;
  readonly serverName: string;
  readonly version: string;
  /** Client connections this relay has on the server now. */
  readonly connections: number;
}

/**
 * What is known of the client that is to be routed.
 *
 * @publicApi
 */
export interface RoutingRequest {
  /** Path and query, as the client sent them. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The client's address, trusted proxies taken into account. */
  readonly ip: string;
}

/**
 * Chooses the hub server of a client. `undefined` means that none of them suits.
 *
 * @publicApi
 */
export type RoutingStrategy = (
  candidates: readonly RoutingCandidate[],
  request: RoutingRequest,
) => RoutingCandidate | undefined;
