import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../transport/system-clock.js';
import { createTrust } from './client-address.js';
import { FailureLog } from './failure-log.js';
import { createIngressFinder } from './ingress-finder.js';
import type { ProxyHeader } from './proxy-protocol.js';

const INGRESSES = [
  'wide=10.0.0.0/8',
  'narrow=10.1.0.0/16',
  'address=10.1.0.1',
  'port=10.1.0.1:443',
  'mapped=::ffff:10.9.0.1',
  'six=[fd00::1]:443',
];

function find(remoteAddress: string, header?: string | ProxyHeader['destination']) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const failures = new FailureLog({ log: write, warn: write, error: write }, systemClock);
  const isName = typeof header === 'string';
  const ingressOf = createIngressFinder(
    { ingressHeader: 'X-Ingress', ingresses: INGRESSES },
    createTrust(['10.0.0.0/8']),
    () => (header && !isName ? { length: 1, destination: header } : undefined),
    failures,
  );
  const headers = isName ? { 'x-ingress': header } : {};
  const request = { headers, socket: { remoteAddress, remotePort: 443 } };
  const ask = () => ingressOf(request as unknown as IncomingMessage);
  return { ingress: ask(), again: ask(), lines };
}

describe('the ingress of a request', () => {
  it.each([
    ['10.2.0.1', 'wide'],
    ['10.1.0.2', 'narrow'],
    ['::ffff:10.9.0.1', 'mapped'],
    ['fd00::1', 'six'],
    ['fd00::2', undefined],
    ['', undefined],
  ])('is that of the peer %s by the most exact entry: %s', (address, id) =>
    expect(find(address).ingress).toBe(id),
  );

  it('is that of the address that the client connected to before the peer', () => {
    expect(find('10.2.0.1', { address: '10.1.0.1', port: 443 }).ingress).toBe('port');
    expect(find('10.2.0.1', { address: '10.1.0.1', port: 80 }).ingress).toBe('address');
    expect(find('10.2.0.1', { address: '192.0.2.1', port: 80 }).ingress).toBe('wide');
  });

  it('is the one that a trusted peer names before all others', () => {
    expect(find('10.2.0.1', 'edge-1')).toEqual({ ingress: 'edge-1', again: 'edge-1', lines: [] });
    expect(find('fd00::2', 'edge-1')).toMatchObject({ ingress: undefined, lines: [] });
  });

  it.each(['', 'two words', 'x'.repeat(129), 'ü'])('is not what is no identifier: %j', (value) => {
    const { ingress, again, lines } = find('10.2.0.1', value);
    expect([ingress, again]).toEqual(['wide', 'wide']);
    expect(lines).toEqual([
      'x-ingress names no ingress: its value must be 1 to 128 visible ASCII characters (from 10.2.0.1)',
    ]);
  });
});
