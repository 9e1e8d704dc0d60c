import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { InvalidMigrationOptionsError } from './invalid-migration-options.error.js';
import type { MigrationOptions } from './migration.options.js';
import { resolveOptions } from './resolve-options.js';

const pair = generateKeyPairSync('ed25519');
const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicKeys = [pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()];
const secrets = ['s'.repeat(32)];
const exposed = { servicePort: 4000, serviceHost: '0.0.0.0' };
const near = { relays: ['ws://127.0.0.1:1/x'] };
const far = { relays: ['ws://localhost:1', 'wss://relay.internal/migration/service'] };

const ingresses = (...list: string[]): MigrationOptions => ({ relay: { ingresses: list } });

const WRONG: [what: string, path: string, input: MigrationOptions][] = [
  ['role hub without relays', 'hub.relays', { role: 'hub' }],
  ['secrets and private key', 'security.secrets', { security: { secrets, privateKey } }],
  ['secrets and public keys', 'security.secrets', { security: { secrets, publicKeys } }],
  ['exposed service port', 'relay.serviceHost', { role: 'relay', relay: exposed }],
  [
    'exposed service port that cannot verify',
    'relay.serviceHost',
    { relay: exposed, security: { privateKey } },
  ],
  ['service path as gateway path', 'relay.paths', { relay: { paths: ['/migration/service'] } }],
  ['far relay', 'hub.relays[1]', { role: 'hub', hub: far }],
  ['far relay in role both', 'hub.relays[1]', { hub: far }],
  ['far relay, cannot sign', 'hub.relays[1]', { hub: far, security: { publicKeys } }],
  ['admin without tokens', 'admin.tokens', { admin: { enabled: true } }],
  [
    'admin in role hub',
    'admin.enabled',
    { role: 'hub', hub: near, admin: { enabled: true, tokens: secrets } },
  ],
  [
    'an ingress header that nobody is believed',
    'relay.ingressHeader',
    { relay: { ingressHeader: 'x-ingress-instance' } },
  ],
  [
    'a PROXY protocol without proxies',
    'relay.proxyProtocol',
    { relay: { proxyProtocol: 'accept' } },
  ],
  ['an address of two ingresses', 'relay.ingresses[1]', ingresses('a=::1', 'b=0:0::1')],
  ['an address and port of two', 'relay.ingresses[1]', ingresses('a=10.0.0.1:80', 'b=10.0.0.1:80')],
  ['a range of two ingresses', 'relay.ingresses[1]', ingresses('a=10.0.0.0/8', 'b=10.1.0.0/8')],
  ['relay total', 'relay.retainedTotalBytes', { relay: { retainedTotalBytes: 1_048_575 } }],
  ['keep-alive', 'hub.keepAliveMs', { hub: { keepAliveMs: 500, deadAfterMs: 999 } }],
  ['hub buffer', 'hub.retainedBytes', { hub: { retainedBytes: 11, maxBufferedBytes: 10 } }],
  ['orphans before the grace is over', 'hub.orphanMs', { hub: { orphanMs: 1999 } }],
  ['a grace beyond orphans', 'hub.orphanMs', { relay: { hubReconnectGraceMs: 60_001 } }],
  [
    'orphans before the grace that role hub knows',
    'hub.orphanMs',
    { role: 'hub', hub: near, relay: { hubReconnectGraceMs: 60_001 } },
  ],
  [
    'a grace beyond the orphans that role relay knows',
    'hub.orphanMs',
    { role: 'relay', hub: { orphanMs: 1999 } },
  ],
];

const RIGHT: [what: string, input: MigrationOptions][] = [
  ['role relay without relays', { role: 'relay' }],
  ['role hub with a near relay', { role: 'hub', hub: near }],
  ['admin with a token', { admin: { enabled: true, tokens: secrets } }],
  [
    'tokens in role hub that serves no admin',
    { role: 'hub', hub: near, admin: { tokens: secrets } },
  ],
  ['exposed service port with a secret', { relay: exposed, security: { secrets } }],
  ['exposed service port with keys', { relay: exposed, security: { publicKeys } }],
  ['a service host that is not used', { relay: { serviceHost: '0.0.0.0' } }],
  ['far relay with a secret', { role: 'hub', hub: far, security: { secrets } }],
  ['far relay with a key', { role: 'hub', hub: far, security: { privateKey } }],
  ['far relay that role relay does not dial', { role: 'relay', hub: far }],
  [
    'service port that role hub does not open',
    { role: 'hub', relay: exposed, hub: { relays: ['ws://localhost'] } },
  ],
  [
    'service path on a Unix socket of its own',
    { relay: { paths: ['/migration/service'], serviceSocket: '/run/relay.sock' } },
  ],
  ['a relay on a Unix socket', { role: 'hub', hub: { relays: ['ws+unix:///run/relay.sock:/x'] } }],
  [
    'service path on a port of its own',
    { relay: { paths: ['/migration/service'], servicePort: 0 } },
  ],
  [
    'an ingress header and a PROXY protocol with proxies',
    {
      relay: {
        ingressHeader: 'x-ingress-instance',
        proxyProtocol: 'require',
        trustedProxies: ['10.0.0.1'],
      },
    },
  ],
  [
    'ingresses that overlap but are not equally exact',
    ingresses('a=10.0.0.1:80', 'b=10.0.0.1', 'c=10.0.0.1/32', 'd=10.0.0.0/8', 'e=10.0.0.0/16'),
  ],
  ['an entry that is there twice', ingresses('a=10.0.0.1', 'a=10.0.0.1')],
  ['orphans in role hub', { role: 'hub', hub: { ...near, orphanMs: 1 } }],
  ['a grace in role relay', { role: 'relay', relay: { hubReconnectGraceMs: 86_400_000 } }],
  ['equal times', { hub: { orphanMs: 5 }, relay: { hubReconnectGraceMs: 5 } }],
  ['equal limits', { hub: { retainedBytes: 10, maxBufferedBytes: 10 } }],
];

describe('checks between options', () => {
  it.each(WRONG)('refuses %s', (_what, path, input) => {
    expect(() => resolveOptions(input)).toThrow(InvalidMigrationOptionsError);
    expect(() => resolveOptions(input)).toThrow(`options:\n- ${path} must`);
  });

  it.each(RIGHT)('accepts %s', (_what, input) => {
    expect(() => resolveOptions(input)).not.toThrow();
  });

  it('names all of them, with both values', () => {
    const hub = { keepAliveMs: 90, deadAfterMs: 80, retainedBytes: 7, maxBufferedBytes: 6 };
    expect(() => resolveOptions({ hub })).toThrow(
      [
        '- hub.keepAliveMs must be at most half of hub.deadAfterMs (got 90 and 80)',
        '- hub.retainedBytes must not be more than hub.maxBufferedBytes (got 7 and 6)',
      ].join('\n'),
    );
  });

  it('leaves out those between values that are wrong in themselves', () => {
    const hub = { keepAliveMs: -1, deadAfterMs: 80, retainedBytes: 7, maxBufferedBytes: 6 };
    expect(() => resolveOptions({ hub })).toThrow(
      [
        'Invalid migration options:',
        '- hub.keepAliveMs must be an integer from 10 to 3600000 (got -1)',
        '- hub.retainedBytes must not be more than hub.maxBufferedBytes (got 7 and 6)',
      ].join('\n'),
    );
  });
});
