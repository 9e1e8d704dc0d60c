import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createAddressReader, plainAddress } from './client-address.js';

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

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
    expect(createAddressReader([])(request('9.9.9.9', '1.2.3.4'))).toBe('9.9.9.9');
    expect(createAddressReader(['10.0.0.0/8'])(request('9.9.9.9', '1.2.3.4'))).toBe('9.9.9.9');
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
    const read = createAddressReader(['10.0.0.0/8', '::1']);
    expect(read(request('::ffff:10.0.0.1', forwarded))).toBe(expected);
  });
});
