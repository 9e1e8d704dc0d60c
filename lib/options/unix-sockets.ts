import { describeValue } from './describe-value.js';
import type { Rule } from './rules.js';

/** A colon ends the path in a URL. */
const SOCKET_PATH = /^(\/[\w.@+~-]+)+$/;
/** What every system has room for. */
const LONGEST_PATH = 103;

const isSocketPath = (text: string) => text.length <= LONGEST_PATH && SOCKET_PATH.test(text);

/** The path of a Unix socket. */
export const socketPath: Rule = {
  accepted: `an absolute path of at most ${LONGEST_PATH} letters, digits and . _ ~ @ + - /`,
  accepts: (value) => typeof value === 'string' && isSocketPath(value),
  show: describeValue,
};

/** Where a `ws+unix:` URL leads, such as `ws+unix:///run/relay.sock:/migration/service`. */
export interface UnixTarget {
  readonly socketPath: string;
  /** Path and query of the request. */
  readonly path: string;
}

/** What a URL names; `undefined` for another kind of URL, or one without a socket and a path. */
export function unixTarget({ protocol, host, pathname, search }: URL): UnixTarget | undefined {
  if (protocol !== 'ws+unix:' || host !== '') return undefined;
  const [, socket = '', path = ''] = /^([^:]*):(\/.*)$/.exec(pathname) ?? [];
  return isSocketPath(socket) ? { socketPath: socket, path: path + search } : undefined;
}
