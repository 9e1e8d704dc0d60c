import { describe, expect, it } from 'vitest';
import { parseIngress } from './ingress-rules.js';
import { InvalidMigrationOptionsError } from './invalid-migration-options.error.js';
import { resolveOptions } from './resolve-options.js';

describe('parseIngress', () => {
  it.each([
    ['a=10.0.0.1', { address: '10.0.0.1' }],
    ['a=10.0.0.1:80', { address: '10.0.0.1', port: 80 }],
    ['a=2001:DB8:0:0::1', { address: '2001:db8::1' }],
    ['a=[0:0::1]:65535', { address: '::1', port: 65_535 }],
    ['a=::ffff:10.0.0.1', { address: '10.0.0.1' }],
    ['a=[::ffff:10.0.0.1]:80', { address: '10.0.0.1', port: 80 }],
    ['a=10.1.2.3/8', { address: '10.0.0.0', prefix: 8 }],
    ['a=192.168.255.255/17', { address: '192.168.128.0', prefix: 17 }],
    ['a=0.0.0.0/0', { address: '0.0.0.0', prefix: 0 }],
    ['a=fd00:1:2:ffff::1/52', { address: 'fd00:1:2:f000::', prefix: 52 }],
    ['a=::1/128', { address: '::1', prefix: 128 }],
  ])('reads %s', (text, place) => expect(parseIngress(text)).toEqual({ id: 'a', ...place }));

  it.each([
    '10.0.0.1',
    '=10.0.0.1',
    'a=',
    'a b=10.0.0.1',
    `${'a'.repeat(129)}=10.0.0.1`,
    'a=localhost',
    'a=10.0.0.1:0',
    'a=10.0.0.1:65536',
    'a=10.0.0.1:080',
    'a=[10.0.0.1]:80',
    'a=[::1]',
    'a=10.0.0.0/33',
    'a=10.0.0.0/8:80',
    'a=::ffff:10.0.0.0/104',
    'a=fe80::1%eth0',
    'a=[fe80::1%eth0]:80',
    'a=fe80::%eth0/10',
  ])('refuses %s with an error that names the entry', (text) => {
    const resolve = () => resolveOptions({ relay: { ingresses: ['x=10.9.9.9', text] } });
    expect(resolve).toThrow(InvalidMigrationOptionsError);
    expect(resolve).toThrow("relay.ingresses[1] must be 'id=address' with");
  });
});
