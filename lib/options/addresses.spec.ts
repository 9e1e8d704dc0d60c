import { describe, expect, it } from 'vitest';
import { addressList, isAddressRange, isLoopbackHost } from './addresses.js';

describe('isAddressRange', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fd00::/8', '2001:db8::/128'])(
    'accepts %s',
    (text) => expect(isAddressRange(text)).toBe(true),
  );

  it.each([
    '',
    '10.0.0',
    '10.0.0.1/33',
    '10.0.0.1/',
    '10.0.0.1/8/8',
    '10.0.0.1/-1',
    '10.0.0.1/1e1',
    '::1/129',
    'localhost',
    ' 10.0.0.1',
    '300.0.0.1',
  ])('refuses %j', (text) => expect(isAddressRange(text)).toBe(false));
});

describe('addressList', () => {
  it('holds addresses and ranges of both families', () => {
    const list = addressList(['10.0.0.0/8', '192.168.1.1', 'fd00::/8']);
    expect(list.check('10.200.3.4')).toBe(true);
    expect(list.check('192.168.1.1')).toBe(true);
    expect(list.check('192.168.1.2')).toBe(false);
    expect(list.check('fd12::1', 'ipv6')).toBe(true);
    expect(list.check('fe80::1', 'ipv6')).toBe(false);
  });
});

describe('isLoopbackHost', () => {
  it.each([
    '127.0.0.1',
    '127.8.9.10',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    'localhost',
    'LOCALHOST',
    'app.localhost',
  ])('%s is loopback', (host) => expect(isLoopbackHost(host)).toBe(true));

  it.each(['0.0.0.0', '::', '10.0.0.1', 'relay.internal', 'localhost.example', '', 'fe80::1%eth0'])(
    '%j is not',
    (host) => expect(isLoopbackHost(host)).toBe(false),
  );
});
