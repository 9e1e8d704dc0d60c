import { normalizePath } from '../protocol/endpoint.js';
import type { EndpointKey } from '../protocol/messages.js';

/** The endpoint of a gateway. A port of its own without a path takes every path, as with `ws`. */
export function endpointOf(port: number, path: string | undefined): EndpointKey {
  return { port, path: port !== 0 && !path ? '*' : normalizePath(path) };
}
