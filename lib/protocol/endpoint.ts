import type { EndpointKey } from './messages.js';

/** A name for a port and a path, the same at both ends. */
export const endpointName = ({ port, path }: EndpointKey): string => `${port}${path}`;

/** A path as Nest compares it: with a leading slash, without a trailing one, no slash doubled. */
export function normalizePath(path = ''): string {
  return `/${path.replace(/\/+$/, '')}`.replace(/\/+/g, '/');
}
