import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
import { Module } from '@nestjs/common';
import { ConfigModule, type ConfigType, ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  migrationConfig,
  OPTION_READINGS,
  readEnvironment,
  variableOf,
} from './migration.config.js';
import { InvalidMigrationOptionsError, optionPaths, resolveOptions } from './options/index.js';

afterEach(() => vi.unstubAllEnvs());

function linesOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readEnvironment(environment);
    return [];
  } catch (error) {
    if (error instanceof InvalidMigrationOptionsError) {
      return error.message.split('\n').slice(1);
    }
    throw error;
  }
}

describe('the table of variables', () => {
  it('has every option', () => {
    expect(Object.keys(OPTION_READINGS)).toEqual(optionPaths());
  });

  it.each([
    ['role', 'MIGRATION_ROLE'],
    ['relay.maxConnections', 'MIGRATION_RELAY_MAX_CONNECTIONS'],
    ['hub.deadAfterMs', 'MIGRATION_HUB_DEAD_AFTER_MS'],
    ['shutdown.finIntervalMs', 'MIGRATION_SHUTDOWN_FIN_INTERVAL_MS'],
  ])('%s is %s', (path, variable) => expect(variableOf(path)).toBe(variable));

  it.each(Object.entries(OPTION_READINGS).filter(([, reading]) => reading !== 'codeOnly'))(
    'sets %s from its variable, or names it',
    (path) => {
      const [section = '', name] = path.split('.');
      const value = path === 'role' ? 'relay' : sampleOf(path);
      const options = readEnvironment({ [variableOf(path)]: value }) as Record<string, unknown>;
      const read = name === undefined ? options[section] : (options[section] as never)[name];
      expect(read).toBeDefined();
      expect([read].flat().map(String).join(',')).toBe(value);
    },
  );

  it('gives names that differ', () => {
    expect(new Set(optionPaths().map(variableOf)).size).toBe(optionPaths().length);
  });
});

describe('readEnvironment', () => {
  it('has only what is set', () => {
    expect(readEnvironment({ PATH: '/bin', MIGRATION_ROLE: '', MIGRATION_HUB_ACK: ' ' })).toEqual(
      {},
    );
    expect(readEnvironment({ MIGRATION_HUB_ACK: ' received ' })).toEqual({
      hub: { ack: 'received' },
    });
  });

  it('reads lists', () => {
    expect(
      readEnvironment({
        MIGRATION_RELAY_PATHS: ' /chat , /news,',
        MIGRATION_RELAY_GATEWAY_PORTS: '3001, 3002',
      }),
    ).toEqual({ relay: { paths: ['/chat', '/news'], gatewayPorts: [3001, 3002] } });
  });

  it('reads keys with line ends, real or written as \\n', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const own = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim();
    const other = publicKey.export({ type: 'spki', format: 'pem' }).toString().trim();
    const expected = { security: { privateKey: own, publicKeys: [other, other] } };
    const real = {
      MIGRATION_SECURITY_PRIVATE_KEY: own,
      MIGRATION_SECURITY_PUBLIC_KEYS: `${other},${other}\n`,
    };
    const written = {
      MIGRATION_SECURITY_PRIVATE_KEY: own.replaceAll('\n', '\\n'),
      MIGRATION_SECURITY_PUBLIC_KEYS: `${other}, ${other}`.replaceAll('\n', '\\n'),
    };
    expect(readEnvironment(real)).toEqual(expected);
    expect(readEnvironment(written)).toEqual(expected);
    expect(() => resolveOptions(readEnvironment(written))).not.toThrow();
  });

  it.each(['12x', '1e3', '0x10', '1.5', '1_000', '+5', '--5', 'Infinity', '9'.repeat(400)])(
    'refuses %s as an integer',
    (value) => {
      const [line, ...others] = linesOf({ MIGRATION_RELAY_MAX_CONNECTIONS: value });
      expect(others).toEqual([]);
      expect(line).toMatch(
        /^- MIGRATION_RELAY_MAX_CONNECTIONS must be an integer from 1 to 10000000 \(got /,
      );
    },
  );

  it('names every wrong variable and what is accepted', () => {
    expect(
      linesOf({
        MIGRATION_ROLE: 'server',
        MIGRATION_RELAY_MAX_CONNECTIONS: '12x',
        MIGRATION_RELAY_TRUSTED_PROXIES: '10.0.0.1,proxy',
        MIGRATION_RELAY_GATEWAY_PORTS: '3001,x',
        MIGRATION_SECURITY_SECRETS: 'hidden',
      }),
    ).toEqual([
      "- MIGRATION_ROLE must be 'relay', 'hub' or 'both' (got \"server\")",
      '- MIGRATION_SECURITY_SECRETS[0] must be a string of at least 32 characters (got a string of 6 characters)',
      '- MIGRATION_RELAY_TRUSTED_PROXIES[1] must be an IP address or a CIDR range (got "proxy")',
      '- MIGRATION_RELAY_GATEWAY_PORTS[1] must be an integer from 1 to 65535 (got "x")',
      '- MIGRATION_RELAY_MAX_CONNECTIONS must be an integer from 1 to 10000000 (got "12x")',
    ]);
  });

  it.each([
    ['MIGRATION_RELAY_MAX_CONECTIONS', '; did you mean MIGRATION_RELAY_MAX_CONNECTIONS?'],
    ['MIGRATION_MAX_CONNECTIONS', '; did you mean MIGRATION_RELAY_MAX_CONNECTIONS?'],
    ['MIGRATION_HUB_RELAY', '; did you mean MIGRATION_HUB_RELAYS?'],
    ['MIGRATION_DATABASE_TABLE', ''],
    ['MIGRATION_', ''],
  ])('refuses %s', (variable, hint) =>
    expect(linesOf({ [variable]: '1' })).toEqual([
      `- ${variable} is not a variable of nestjs-ws-migration${hint}`,
    ]),
  );

  it('refuses a variable of an option that only code can give', () => {
    expect(linesOf({ MIGRATION_RELAY_ROUTING: 'leastConnections' })).toEqual([
      '- MIGRATION_RELAY_ROUTING cannot be set by a variable; pass relay.routing to MigrationModule',
    ]);
  });

  it('leaves checks between options to the module, which may be given more', () => {
    expect(readEnvironment({ MIGRATION_ROLE: 'hub' })).toEqual({ role: 'hub' });
  });

  it('returns options or throws InvalidMigrationOptionsError, and shows no secret', () => {
    const variable = fc.oneof(
      fc.constantFrom(...optionPaths().map(variableOf)),
      fc.string().map((name) => `MIGRATION_${name}`),
    );
    fc.assert(
      fc.property(fc.dictionary(variable, fc.string()), fc.string(), (environment, text) => {
        const secret = `§${text}§`;
        const lines = linesOf({ ...environment, MIGRATION_SECURITY_PRIVATE_KEY: secret });
        expect(lines.join('\n')).toContain(
          '- MIGRATION_SECURITY_PRIVATE_KEY must be a private key',
        );
        expect(lines.join('\n')).not.toContain(secret);
      }),
      { numRuns: 200 },
    );
  });
});

describe('migrationConfig in a Nest application', () => {
  const ROOT = { isGlobal: true, ignoreEnvFile: true, load: [migrationConfig] };

  it('is the migration namespace of ConfigService', async () => {
    vi.stubEnv('MIGRATION_ROLE', 'relay');
    vi.stubEnv('MIGRATION_RELAY_MAX_CONNECTIONS', '7');
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forRoot(ROOT)],
    }).compile();
    const config = module.get(ConfigService);
    expect(config.get('migration.relay.maxConnections')).toBe(7);
    expect(config.get('migration')).toEqual({ role: 'relay', relay: { maxConnections: 7 } });
    await module.close();
  });

  it('is a provider for forRootAsync', async () => {
    vi.stubEnv('MIGRATION_HUB_VERSION', '1.4.0');
    const { imports, inject, useFactory } = migrationConfig.asProvider();
    const RESOLVED = Symbol('resolved');

    @Module({
      imports: [ConfigModule.forRoot(ROOT), ...imports],
      providers: [
        {
          provide: RESOLVED,
          inject,
          useFactory: (config: ConfigType<typeof migrationConfig>) =>
            resolveOptions(useFactory(config)),
        },
      ],
    })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    expect(app.get(RESOLVED)).toMatchObject({ role: 'both', hub: { version: '1.4.0' } });
    await app.close();
  });

  it('stops the start of an application with the names of wrong variables', async () => {
    vi.stubEnv('MIGRATION_HUB_CONNECTIONS_PER_RELAY', '17');
    const start = Test.createTestingModule({ imports: [ConfigModule.forRoot(ROOT)] }).compile();
    await expect(start).rejects.toThrow(
      'MIGRATION_HUB_CONNECTIONS_PER_RELAY must be an integer from 1 to 16 (got 17)',
    );
  });
});

function sampleOf(path: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const samples: Record<string, string> = {
    'security.secrets': ['a'.repeat(32), 'b'.repeat(32)].join(','),
    'security.privateKey': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim(),
    'security.publicKeys': publicKey.export({ type: 'spki', format: 'pem' }).toString().trim(),
    'relay.servicePath': '/service',
    'relay.serviceHost': '0.0.0.0',
    'relay.serviceSocket': '/run/relay.sock',
    'relay.trustedProxies': '10.0.0.0/8,::1',
    'relay.proxyProtocol': 'accept',
    'relay.ingressHeader': 'x-ingress-instance',
    'relay.ingresses': 'a=10.0.0.1,b=10.0.0.2:80',
    'relay.lastIngress': 'wait',
    'relay.clientFrames': 'ws',
    'relay.paths': '/a,/b',
    'relay.gatewayPorts': '3001,3002',
    'relay.gatewayHost': '::',
    'relay.maxHeaderBytes': '8192',
    'hub.relays': 'ws://a/x,wss://b/y',
    'hub.serverName': 'one',
    'hub.version': '1.0.0',
    'hub.ack': 'received',
    'hub.level': 'off',
    'hub.unresumable': 'end',
    'context.leaseMs': '60000',
    'shutdown.mode': 'off',
    'admin.enabled': 'true',
    'admin.path': '/admin',
    'admin.tokens': ['c'.repeat(32), 'd'.repeat(32)].join(','),
  };
  return samples[path] ?? '16';
}
