import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProxyProtocolError, parseProxyHeader } from './proxy-protocol.js';
import { v2Header } from '../../test/support/proxy-headers.js';

const parse = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'));
const SOURCE = { address: '1.2.3.4', port: 5678 };
const DESTINATION = { address: '10.0.0.1', port: 80 };

describe('version 1', () => {
  it.each([
    ['PROXY TCP4 1.2.3.4 10.0.0.1 5678 80\r\n', SOURCE, DESTINATION],
    [
      'PROXY TCP6 2001:db8::1 ::1 1 65535\r\n',
      { address: '2001:db8::1', port: 1 },
      { address: '::1', port: 65_535 },
    ],
    [
      'PROXY TCP6 ::ffff:1.2.3.4 0:0::1 1 2\r\n',
      { address: '1.2.3.4', port: 1 },
      { address: '::1', port: 2 },
    ],
  ])('%j tells both addresses', (text, source, destination) => {
    expect(parse(`${text}GET /`)).toEqual({ length: text.length, source, destination });
  });

  it.each(['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'])(
    '%j tells nothing',
    (text) => expect(parse(text)).toEqual({ length: text.length }),
  );

  it.each([
    'PROXY TCP4 1.2.3.4 10.0.0.1 5678\r\n',
    'PROXY TCP4 1.2.3.4 10.0.0.1 5678 65536\r\n',
    'PROXY TCP4 1.2.3.4 10.0.0.1 05 80\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 fe80::1%e ::1 1 2\r\n',
    'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n',
    'PROXY TCP4  1.2.3.4 10.0.0.1 1 2\r\n',
    'PROXY UDP4 1.2.3.4 10.0.0.1 1 2\r\n',
    'PROXY \r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`,
  ])('%j is malformed', (text) => expect(() => parse(text)).toThrow(ProxyProtocolError));
});

describe('version 2', () => {
  it('tells both addresses, and skips what else is there', () => {
    const bytes = v2Header(SOURCE, DESTINATION, 7);
    expect(parseProxyHeader(Buffer.concat([bytes, Buffer.from('GET')]))).toEqual({
      length: bytes.length,
      source: SOURCE,
      destination: DESTINATION,
    });
    const v6 = v2Header(
      { address: '2001:db8::7', port: 9 },
      { address: '::ffff:10.0.0.9', port: 8 },
    );
    expect(parseProxyHeader(v6)).toMatchObject({
      source: { address: '2001:db8::7', port: 9 },
      destination: { address: '10.0.0.9', port: 8 },
    });
  });

  it('tells nothing when the proxy speaks for itself, or of other sockets', () => {
    const local = v2Header(SOURCE, DESTINATION);
    local[12] = 0x20;
    expect(parseProxyHeader(local)).toEqual({ length: local.length, isLocal: true });
    const unix = v2Header(SOURCE, DESTINATION);
    unix[13] = 0x31;
    expect(parseProxyHeader(unix)).toEqual({ length: unix.length });
  });

  it.each([
    ['another version', 12, 0x11],
    ['another command', 12, 0x22],
    ['another family', 13, 0x41],
    ['another protocol', 13, 0x13],
    ['too long a header', 14, 0x20],
    ['too short a header', 15, 3],
  ])('%s is malformed', (_, offset, value) => {
    const bytes = v2Header(SOURCE, DESTINATION);
    bytes[offset] = value;
    expect(() => parseProxyHeader(bytes)).toThrow(ProxyProtocolError);
  });
});

/** What comes of any bytes: nothing that a listener would not know how to handle. */
function outcomeOf(bytes: Buffer): 'read' | 'refused' | 'broken' {
  try {
    const header = parseProxyHeader(bytes);
    return typeof header === 'object' && header.length > bytes.length ? 'broken' : 'read';
  } catch (error) {
    return error instanceof ProxyProtocolError ? 'refused' : 'broken';
  }
}

describe('any bytes', () => {
  const headers = [
    Buffer.from('PROXY TCP4 1.2.3.4 10.0.0.1 5678 80\r\n'),
    Buffer.from('PROXY UNKNOWN\r\n'),
    v2Header(SOURCE, DESTINATION, 40),
  ];

  it('are incomplete until the header is whole, wherever it is cut', () => {
    for (const header of headers) {
      for (let length = 0; length < header.length; length++) {
        expect(parseProxyHeader(header.subarray(0, length))).toBe('incomplete');
      }
      expect(parseProxyHeader(header)).toMatchObject({ length: header.length });
    }
  });

  it('are absent, incomplete, a header, or refused by the one error', () => {
    const start = fc.constantFrom(
      '',
      'PROXY ',
      'PROXY TCP4 ',
      '\r\n\r\n\0\r\nQUIT\n',
      '\r\n\r\n\0\r\nQUIT\n!',
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (text, rest) => {
        const bytes = Buffer.concat([Buffer.from(text, 'latin1'), rest]);
        return outcomeOf(bytes) !== 'broken';
      }),
    );
  });

  it('of HTTP are no header', () => {
    for (const text of ['GET / HTTP/1.1\r\n', 'PUT', 'PROXX', '\r\nGET'])
      expect(parse(text)).toBe('absent');
  });
});
