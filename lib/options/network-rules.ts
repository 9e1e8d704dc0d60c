import { isIP } from 'node:net';
import { isAddressRange } from './addresses.js';
import { describeType, describeValue } from './describe-value.js';
import type { Rule } from './rules.js';
import { unixTarget } from './unix-sockets.js';

const PATH = /^\/[^\s?#]*$/;
const PLAIN_PATH = /^(\/[\w.~-]+)+$/;
const HOST_NAME = /^(?=.{1,253}$)[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i;

/** The path of a URL. */
export const urlPath: Rule = {
  accepted: "a path that starts with '/', without query",
  accepts: (value) => typeof value === 'string' && PATH.test(value),
  show: describeValue,
};

/** A path that no router reads as a pattern. */
export const plainPath: Rule = {
  accepted: "a path such as '/a/b', of letters, digits and . _ ~ -, without '/' at its end",
  accepts: (value) => typeof value === 'string' && PLAIN_PATH.test(value),
  show: describeValue,
};

/** An address to listen on. */
export const host: Rule = {
  accepted: 'an IP address or a host name',
  accepts: (value) => typeof value === 'string' && (isIP(value) !== 0 || isHostName(value)),
  show: describeValue,
};

/** An address or range of addresses. */
export const addressRange: Rule = {
  accepted: 'an IP address or a CIDR range',
  accepts: (value) => typeof value === 'string' && isAddressRange(value),
  show: describeValue,
};

/** Where a hub server dials a relay. */
export const relayUrl: Rule = {
  accepted:
    'a ws:// or wss:// URL without user name, password or fragment, or ws+unix://<socket>:<path>',
  accepts: (value) => {
    const url = parseUrl(value);
    return (
      url !== undefined &&
      (url.protocol === 'ws:' || url.protocol === 'wss:' || unixTarget(url) !== undefined) &&
      url.username === '' &&
      url.password === '' &&
      url.hash === ''
    );
  },
  show: describeUrl,
};

/** Never shows the text: a user name, password or query may be secret, however it is mistyped. */
function describeUrl(value: unknown): string {
  const url = parseUrl(value);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') {
    return `an ${url.protocol}// URL`;
  }
  if (url?.protocol === 'ws+unix:' && !unixTarget(url)) {
    return 'a ws+unix: URL without a socket or a path';
  }
  if (url?.protocol !== 'ws+unix:' && url?.protocol !== 'ws:' && url?.protocol !== 'wss:') {
    return describeType(value);
  }
  return url.hash === '' ? 'a URL with credentials' : 'a URL with a fragment';
}

function isHostName(text: string): boolean {
  // "300.1.1.1" is a mistyped address, not a name: the last label of a name is never a number.
  return HOST_NAME.test(text) && !/(^|\.)\d+$/.test(text);
}

function parseUrl(value: unknown): URL | undefined {
  return typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
}
