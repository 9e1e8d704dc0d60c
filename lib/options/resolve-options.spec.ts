import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { InvalidMigrationOptionsError } from './invalid-migration-options.error.js';
import type { MigrationOptions } from './migration.options.js';
import type { OptionProblem } from './option-problem.js';
import { MemoryContextStorage } from '../storage/memory-context-storage.js';
import { resolveOptions } from './resolve-options.js';

const SECRET = 'a secret that is long enough, 32+';

function problemsOf(input: unknown): readonly OptionProblem[] {
  try {
    resolveOptions(input as MigrationOptions);
  } catch (error) {
    if (error instanceof InvalidMigrationOptionsError) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

function linesOf(input: unknown): string[] {
  return problemsOf(input).map(({ path, text }) => `${path} ${text}`);
}

describe('resolveOptions', () => {
  it('has every default', () => {
    expect(resolveOptions(undefined)).toStrictEqual({
      role: 'both',
      security: { secrets: [], privateKey: undefined, publicKeys: [], tokenLifetimeSeconds: 60 },
      relay: {
        servicePath: '/migration/service',
        servicePort: undefined,
        serviceHost: '127.0.0.1',
        serviceSocket: undefined,
        trustedProxies: [],
        proxyProtocol: 'off',
        ingressHeader: undefined,
        ingresses: [],
        paths: [],
        gatewayPorts: undefined,
        gatewayHost: undefined,
        holdUpgradeMs: 5000,
        handshakeTimeoutMs: 15_000,
        maxMessageBytes: 1_048_576,
        maxHeaderBytes: 16_384,
        maxConnections: 100_000,
        maxConnectionsPerAddress: 20_000,
        maxNewConnectionsPerSecond: 5000,
        maxServiceConnections: 1000,
        pingIntervalMs: 30_000,
        closeTimeoutMs: 30_000,
        retainedBytes: 1_048_576,
        retainedMessages: 1000,
        retainedTotalBytes: 268_435_456,
        contextTotalBytes: 268_435_456,
        hubReconnectGraceMs: 2000,
        migrationStepMs: 10_000,
        migrationRequestMs: 30_000,
        migrationsPerSecond: 500,
        ingressReloadMs: 30_000,
        clientFrames: 'own',
        lastIngress: 'refuse',
        routing: 'leastConnections',
      },
      hub: {
        relays: [],
        connectionsPerRelay: 2,
        serverName: hostname(),
        version: '0',
        ack: 'handled',
        keepAliveMs: 5000,
        deadAfterMs: 30_000,
        reconnectMaxMs: 60_000,
        maxMessageBytes: 16_777_216,
        retainedBytes: 1_048_576,
        retainedMessages: 1000,
        maxBufferedBytes: 16_777_216,
        messageParser: undefined,
        orphanMs: 60_000,
        level: 'any',
        connectHookMs: 10_000,
        migrationHookMs: 5000,
        holdMs: 30_000,
        unresumable: 'wait',
        attention: undefined,
      },
      context: { maxBytes: 65_536, checkpointMs: 200, leaseMs: 120_000, storage: undefined },
      shutdown: { mode: 'migrateClients', timeoutMs: 30_000, finIntervalMs: 5000, closeBatch: 100 },
      admin: { enabled: false, path: '/migration/admin', tokens: [] },
    });
  });

  it('keeps what is given and takes undefined for the default', () => {
    const routing = () => undefined;
    const { role, relay, hub } = resolveOptions({
      role: undefined,
      relay: { servicePort: 0, pingIntervalMs: 0, routing, maxConnections: undefined },
      hub: { relays: ['ws://localhost:3000/migration/service'] },
    });
    expect(role).toBe('both');
    expect(relay).toMatchObject({ servicePort: 0, pingIntervalMs: 0, maxConnections: 100_000 });
    expect(relay.routing).toBe(routing);
    expect(hub.relays).toEqual(['ws://localhost:3000/migration/service']);
  });

  it('reads an instance of an options class', () => {
    class AppOptions {
      readonly hub = { version: '7' };
    }
    expect(resolveOptions(new AppOptions()).hub.version).toBe('7');
  });

  it('takes a storage as it is, and nothing that lacks its methods', () => {
    const storage = new MemoryContextStorage();
    expect(resolveOptions({ context: { storage } }).context.storage).toBe(storage);
    const incomplete = { save() {}, claim() {}, renew() {}, remove() {} } as never;
    expect(() => resolveOptions({ context: { storage: incomplete } })).toThrow(
      'context.storage must be a ContextStorage (got an object)',
    );
  });

  it('is frozen through and through, and leaves the input alone', () => {
    const paths = ['/chat'];
    const options = resolveOptions({ relay: { paths } });
    paths.push('/late');
    expect(options.relay.paths).toEqual(['/chat']);
    expect(Object.isFrozen(paths)).toBe(false);
    for (const part of [options, options.relay, options.relay.paths, options.hub.relays]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('names every wrong value in one message', () => {
    const input = {
      role: 'server',
      relay: { maxConnections: -5, servicePort: 65_536, pingIntervalMs: 1.5, paths: ['/a', 'b'] },
      hub: { connectionsPerRelay: '2', version: '', ack: null },
      shutdown: { mode: 'on' },
    } as unknown as MigrationOptions;
    expect(() => resolveOptions(input)).toThrow(
      new InvalidMigrationOptionsError([
        { path: 'role', text: "must be 'relay', 'hub' or 'both' (got \"server\")" },
        { path: 'relay.servicePort', text: 'must be an integer from 0 to 65535 (got 65536)' },
        {
          path: 'relay.paths[1]',
          text: 'must be a path that starts with \'/\', without query (got "b")',
        },
        { path: 'relay.maxConnections', text: 'must be an integer from 1 to 10000000 (got -5)' },
        { path: 'relay.pingIntervalMs', text: 'must be an integer from 0 to 86400000 (got 1.5)' },
        { path: 'hub.connectionsPerRelay', text: 'must be an integer from 1 to 16 (got "2")' },
        {
          path: 'hub.version',
          text: 'must be a string of 1 to 64 printable characters (got "")',
        },
        { path: 'hub.ack', text: "must be 'handled' or 'received' (got null)" },
        {
          path: 'shutdown.mode',
          text: "must be 'migrateClients', 'waitForClientsClose' or 'off' (got \"on\")",
        },
      ]),
    );
  });

  it('writes one problem per line', () => {
    expect(() => resolveOptions({ relay: { maxConnections: 0, holdUpgradeMs: -1 } })).toThrow(
      [
        'Invalid migration options:',
        '- relay.holdUpgradeMs must be an integer from 0 to 86400000 (got -1)',
        '- relay.maxConnections must be an integer from 1 to 10000000 (got 0)',
      ].join('\n'),
    );
  });

  it.each([
    [
      { relay: { maxConection: 5 } },
      'relay.maxConection is not an option; did you mean relay.maxConnections?',
    ],
    [{ relay: { version: '1' } }, 'relay.version is not an option; did you mean hub.version?'],
    [
      { hub: { retainedByte: 1 } },
      'hub.retainedByte is not an option; did you mean hub.retainedBytes?',
    ],
    [{ realy: {} }, 'realy is not an option; did you mean relay?'],
    [{ servicePort: 1 }, 'servicePort is not an option; did you mean relay.servicePort?'],
    [{ 'hub.relay': 1 }, 'hub.relay is not an option; did you mean hub.relays?'],
    [
      { security: { secret: SECRET } },
      'security.secret is not an option; did you mean security.secrets?',
    ],
    [{ relay: { colour: 1 } }, 'relay.colour is not an option'],
    [{ relay: { constructor: 1 } }, 'relay.constructor is not an option'],
    [JSON.parse('{ "hub": { "__proto__": {} } }'), 'hub.__proto__ is not an option'],
    [{ 'a\nb': 1 }, '"a\\nb" is not an option'],
  ])('refuses an unknown name: %j', (input, line) => expect(linesOf(input)).toEqual([line]));

  it.each([
    [5, 'options must be an object (got a number)'],
    [null, 'options must be an object (got null)'],
    [SECRET, 'options must be an object (got a string of 33 characters)'],
    [[], 'options must be an object (got a list of 0)'],
    [{ relay: 5 }, 'relay must be an object (got 5)'],
    [{ hub: [] }, 'hub must be an object (got a list of 0)'],
    [{ hub: new Map() }, 'hub must be an object (got an object)'],
    [{ shutdown: null }, 'shutdown must be an object (got null)'],
    [{ security: SECRET }, 'security must be an object (got a string of 33 characters)'],
    [{ admin: SECRET }, 'admin must be an object (got a string of 33 characters)'],
    [
      { admin: { enabled: SECRET } },
      'admin.enabled must be true or false (got a string of 33 characters)',
    ],
  ])('refuses a wrong type of a section: %j', (input, line) =>
    expect(linesOf(input)).toEqual([line]),
  );

  it('skips checks between options of a section that is wrong', () => {
    expect(linesOf({ role: 'hub', hub: 5 })).toEqual(['hub must be an object (got 5)']);
  });

  it.each([
    ['http://relay/x', 'an http:// URL'],
    ['relay:3000', 'a string of 10 characters'],
    ['', 'an empty string'],
    ['ws://user:hidden@relay', 'a URL with credentials'],
    ['ws://hidden#x', 'a URL with a fragment'],
    ['ws+unix:///run/hidden.sock', 'a ws+unix: URL without a socket or a path'],
    ['ws+unix://host/run/hidden.sock:/x', 'a ws+unix: URL without a socket or a path'],
    ['ws+unix:run.sock:/x', 'a ws+unix: URL without a socket or a path'],
    [7, 'a number'],
  ])('refuses %j as a relay', (url, got) => {
    const lines = linesOf({ hub: { relays: ['ws://localhost', url] } });
    expect(lines).toEqual([
      'hub.relays[1] must be a ws:// or wss:// URL without user name, password or fragment, ' +
        `or ws+unix://<socket>:<path> (got ${got})`,
    ]);
  });

  it.each([
    ['relay', 'trustedProxies', ['10.0.0.0/8', '10.0.0.0/33']],
    ['relay', 'trustedProxies', ['localhost']],
    ['relay', 'proxyProtocol', 'yes'],
    ['relay', 'ingressHeader', 'x ingress'],
    ['relay', 'ingresses', ['10.0.0.1']],
    ['relay', 'ingresses', ['a=10.0.0.1:99999']],
    ['relay', 'ingresses', ['a=ingress-a']],
    ['relay', 'lastIngress', 'skip'],
    ['admin', 'tokens', ['with a space that no header can carry']],
    ['relay', 'serviceHost', '300.1.1.1'],
    ['relay', 'serviceHost', 'a b'],
    ['relay', 'serviceSocket', 'relay.sock'],
    ['relay', 'serviceSocket', '/run/relay:1'],
    ['relay', 'serviceSocket', `/${'x'.repeat(103)}`],
    ['relay', 'gatewayHost', ''],
    ['admin', 'path', '/'],
    ['admin', 'path', 'admin'],
    ['admin', 'path', '/admin/'],
    ['admin', 'path', '/:id'],
    ['admin', 'path', '/admin/*'],
    ['admin', 'tokens', ['short']],
    ['relay', 'gatewayPorts', [0]],
    ['relay', 'gatewayPorts', '3000'],
    ['relay', 'routing', 'random'],
    ['relay', 'servicePath', 'service'],
    ['relay', 'servicePath', '/service?x'],
    ['relay', 'maxConnections', Number.NaN],
    ['relay', 'maxConnections', {}],
    ['relay', 'paths', Array.from({ length: 1001 }, () => '/x')],
    ['hub', 'messageParser', 'JSON.parse'],
    ['hub', 'serverName', 'two\nlines'],
  ])('refuses %s.%s %j', (section, name, value) => {
    const problems = problemsOf({ [section]: { [name]: value } });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path.startsWith(`${section}.${name}`)).toBe(true);
  });

  it.each([
    { relay: { trustedProxies: ['10.0.0.1', 'fd00::/8'], gatewayHost: '::' } },
    { relay: { ingresses: ['a=10.0.0.1', 'a=10.0.0.1:80', 'b=[fd00::1]:80', 'c=10.0.0.0/8'] } },
    { relay: { serviceHost: 'relay-1.internal', gatewayPorts: [], paths: ['/', '/chat'] } },
    { relay: { serviceSocket: `/${'x'.repeat(102)}` } },
    { hub: { relays: ['ws+unix:///run/app-1/relay.sock:/migration/service?x'] } },
    { hub: { messageParser: () => undefined, relays: ['wss://127.0.0.1/x?y=1', 'ws://[::1]:1'] } },
  ])('accepts %j', (input) => expect(linesOf(input)).toEqual([]));
});
