import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createAddressReader, createTrust, plainAddress } from './client-address.js';
import type { ProxyHeader } from './proxy-protocol.js';

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress, remotePort: 4711 },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

const reader = (trustedProxies: string[], header?: ProxyHeader) =>
  createAddressReader(createTrust(trustedProxies), () => header);

describe('plainAddress', () => {
  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    [undefined, ''],
  ])('%s is %s', (address, expected) => {
    expect(plainAddress(address)).toBe(expected);
  });
});

describe('createAddressReader', () => {
  it('does not believe X-Forwarded-For of strangers', () => {
    const peer = { address: '9.9.9.9', port: 4711 };
    expect(reader([])(request('9.9.9.9', '1.2.3.4'))).toEqual(peer);
    expect(reader(['10.0.0.0/8'])(request('9.9.9.9', '1.2.3.4'))).toEqual(peer);
  });

  it('takes the address that a proxy names by the PROXY protocol for the peer', () => {
    const header = { length: 1, source: { address: '7.7.7.7', port: 8 } };
    expect(reader(['10.0.0.0/8'], header)(request('10.0.0.1', '1.2.3.4'))).toEqual(header.source);
    const proxy = { length: 1, source: { address: '10.9.9.9', port: 8 } };
    expect(reader(['10.0.0.0/8'], proxy)(request('10.0.0.1', '1.2.3.4'))).toEqual({
      address: '1.2.3.4',
      port: 0,
    });
  });

  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['1.2.3.4, 10.1.1.1, 10.2.2.2', '1.2.3.4'],
    ['1.2.3.4:5678', '1.2.3.4'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
    ['1.2.3.4, unknown, 10.2.2.2', '10.2.2.2'],
    ['1.2.3.4, unknown', '10.0.0.1'],
    ['<script>', '10.0.0.1'],
    ['fe80::1%eth0', '10.0.0.1'],
    ['', '10.0.0.1'],
    [undefined, '10.0.0.1'],
  ])('takes the rightmost address that is not trusted: %s', (forwarded, expected) => {
    const read = reader(['10.0.0.0/8', '::1']);
    const port = expected === '10.0.0.1' ? 4711 : 0;
    expect(read(request('::ffff:10.0.0.1', forwarded))).toEqual({ address: expected, port });
  });
});
