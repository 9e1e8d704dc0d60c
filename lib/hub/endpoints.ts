import type { EndpointKey } from '../protocol/messages.js';

/** A path as Nest compares it: with a leading slash, without a trailing one. */
const normalizePath = (path: string | undefined): string =>
  path ? `/${path.replace(/\/+$/, '')}`.replace(/\/+/g, '/') : '/';

/** The endpoint of a gateway. A port of its own without a path takes every path, as with `ws`. */
export function endpointOf(port: number, path: string | undefined): EndpointKey {
  return { port, path: port !== 0 && !path ? '*' : normalizePath(path) };
}

export const endpointKey = ({ port, path }: EndpointKey): string => `${port}${path}`;
