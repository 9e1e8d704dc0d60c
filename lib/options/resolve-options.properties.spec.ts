import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidMigrationOptionsError } from './invalid-migration-options.error.js';
import { type MigrationOptions, optionPaths } from './migration.options.js';
import { resolveOptions } from './resolve-options.js';

const NAMES = optionPaths().map((path) => path.slice(path.indexOf('.') + 1));
const SECTIONS = ['security', 'relay', 'hub', 'context', 'shutdown', 'admin'];

const garbage = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
});
const section = fc.oneof(
  garbage,
  fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), fc.string()), garbage, { maxKeys: 8 }),
);
const input = fc.oneof(
  garbage,
  fc.dictionary(fc.oneof(fc.constantFrom('role', ...SECTIONS), fc.string()), section),
);

describe('resolveOptions, whatever it is given', () => {
  it('returns frozen options or throws InvalidMigrationOptionsError', () => {
    fc.assert(
      fc.property(input, (given) => {
        const error = errorOf(given);
        return error === undefined
          ? Object.isFrozen(resolveOptions(given as MigrationOptions))
          : error instanceof InvalidMigrationOptionsError;
      }),
      { numRuns: 500 },
    );
  });

  it.each<[what: string, make: () => unknown]>([
    ['a throwing property', () => Object.defineProperty({}, 'x', { enumerable: true, get: fail })],
    ['a revoked object', () => revoked({})],
    ['a revoked list', () => revoked([])],
    ['a list of revoked lists', () => [revoked([])]],
    ['an unreadable list', () => new Proxy(['/'], { get: fail })],
    ['an object with unreadable keys', () => new Proxy({}, { ownKeys: fail })],
    ['a list of unreadable items', () => Object.defineProperty(['/'], 0, { get: fail })],
    ['a huge list', () => Object.assign([], { length: 2 ** 32 - 1 })],
    ['a sparse list', () => Object.assign([], { 1: '/' })],
  ])('refuses %s anywhere', (_what, make) => {
    const places = [
      make(),
      { relay: make() },
      { relay: { paths: make() } },
      { hub: { ack: make() } },
      { context: { storage: make() } },
    ];
    for (const place of places) {
      expect(errorOf(place)).toBeInstanceOf(InvalidMigrationOptionsError);
    }
  });

  it('names each known option that holds garbage', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...optionPaths()),
        fc.constantFrom({}, Symbol('x'), null),
        (path, bad) => {
          const [first = '', name] = path.split('.');
          const given = name === undefined ? { [first]: bad } : { [first]: { [name]: bad } };
          expect(errorOf(given)?.message).toContain(`- ${path} must be `);
        },
      ),
    );
  });

  it('never shows a secret or key', () => {
    const secret = fc.string({ minLength: 8, maxLength: 80 }).map((text) => `~${text}§secret~`);
    const shapes = secret.chain((text) => {
      const name = fc.constantFrom('secrets', 'privateKey', 'publicKeys', 'tokenLifetimeSeconds');
      const value = fc.constantFrom<unknown>(
        text,
        [text],
        [text, text, text],
        [[text]],
        { value: text },
        Buffer.from(text),
        `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`,
      );
      const security = fc.dictionary(name, value);
      const adminName = fc.constantFrom('tokens', 'path', 'enabled', 'token');
      const admin = fc.dictionary(adminName, value);
      const wrongUrls = [
        text,
        `ws://user:${text}@host`,
        `http://host/?token=${text}`,
        `user:${text}`,
      ];
      return fc.record({
        text: fc.constant(text),
        given: fc.record({
          security: fc.oneof(security, value),
          admin: fc.oneof(admin, value),
          hub: fc.constant({ relays: wrongUrls }),
          relay: fc.constant({ maxConnections: -1 }),
        }),
      });
    });
    fc.assert(
      fc.property(shapes, ({ text, given }) => {
        const message = errorOf(given)?.message ?? '';
        expect(message).toContain('relay.maxConnections');
        expect(message).not.toContain('§secret');
        expect(message).not.toContain(text);
      }),
      { numRuns: 500 },
    );
  });
});

function errorOf(given: unknown): Error | undefined {
  try {
    resolveOptions(given as MigrationOptions);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function fail(): never {
  throw new TypeError('unreadable');
}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}
