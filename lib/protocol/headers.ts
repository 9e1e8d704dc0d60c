/** Header names of which Node keeps the first value and drops repetitions. */
const SINGLE = new Set(
  (
    'age authorization content-length content-type etag expires from host if-modified-since ' +
    'if-unmodified-since last-modified location max-forwards proxy-authorization referer ' +
    'retry-after server user-agent'
  ).split(' '),
);

/** Headers by lower-case name, joined as Node's `IncomingMessage.headers` does. */
export type Headers = Record<string, string | string[] | undefined>;

/** @param rawHeaders alternating names and values, as received */
export function headersOf(rawHeaders: readonly string[]): Headers {
  const headers: Headers = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    const value = rawHeaders[i + 1]!;
    const before = headers[name];
    if (name === 'set-cookie') headers[name] = Array.isArray(before) ? [...before, value] : [value];
    else if (typeof before !== 'string') headers[name] = value;
    else if (!SINGLE.has(name))
      headers[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}
