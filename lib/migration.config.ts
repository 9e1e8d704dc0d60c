import process from 'node:process';
import { registerAs } from '@nestjs/config';
import {
  closestName,
  InvalidMigrationOptionsError,
  type MigrationOptions,
  type OptionPath,
  type OptionProblem,
  readOptions,
} from './options/index.js';

const PREFIX = 'MIGRATION_';

/** How the text of a variable becomes the value of an option. */
type Reading = 'text' | 'texts' | 'flag' | 'integer' | 'integers' | 'pem' | 'pems' | 'codeOnly';

/** How every option is read: an option that is missing here does not compile. */
export const OPTION_READINGS: Readonly<Record<OptionPath, Reading>> = {
  role: 'text',
  'security.secrets': 'texts',
  'security.privateKey': 'pem',
  'security.publicKeys': 'pems',
  'security.tokenLifetimeSeconds': 'integer',
  'relay.servicePath': 'text',
  'relay.servicePort': 'integer',
  'relay.serviceHost': 'text',
  'relay.serviceSocket': 'text',
  'relay.trustedProxies': 'texts',
  'relay.proxyProtocol': 'text',
  'relay.ingressHeader': 'text',
  'relay.ingresses': 'texts',
  'relay.paths': 'texts',
  'relay.gatewayPorts': 'integers',
  'relay.gatewayHost': 'text',
  'relay.holdUpgradeMs': 'integer',
  'relay.handshakeTimeoutMs': 'integer',
  'relay.maxMessageBytes': 'integer',
  'relay.maxHeaderBytes': 'integer',
  'relay.maxConnections': 'integer',
  'relay.maxConnectionsPerAddress': 'integer',
  'relay.maxNewConnectionsPerSecond': 'integer',
  'relay.maxServiceConnections': 'integer',
  'relay.pingIntervalMs': 'integer',
  'relay.closeTimeoutMs': 'integer',
  'relay.clientFrames': 'text',
  'relay.retainedBytes': 'integer',
  'relay.retainedMessages': 'integer',
  'relay.retainedTotalBytes': 'integer',
  'relay.contextTotalBytes': 'integer',
  'relay.hubReconnectGraceMs': 'integer',
  'relay.migrationStepMs': 'integer',
  'relay.migrationRequestMs': 'integer',
  'relay.migrationsPerSecond': 'integer',
  'relay.ingressReloadMs': 'integer',
  'relay.lastIngress': 'text',
  'relay.routing': 'codeOnly',
  'hub.relays': 'texts',
  'hub.connectionsPerRelay': 'integer',
  'hub.serverName': 'text',
  'hub.version': 'text',
  'hub.ack': 'text',
  'hub.keepAliveMs': 'integer',
  'hub.deadAfterMs': 'integer',
  'hub.reconnectMaxMs': 'integer',
  'hub.maxMessageBytes': 'integer',
  'hub.retainedBytes': 'integer',
  'hub.retainedMessages': 'integer',
  'hub.maxBufferedBytes': 'integer',
  'hub.orphanMs': 'integer',
  'hub.level': 'text',
  'hub.messageParser': 'codeOnly',
  'hub.connectHookMs': 'integer',
  'hub.migrationHookMs': 'integer',
  'hub.holdMs': 'integer',
  'hub.unresumable': 'text',
  'hub.attention': 'codeOnly',
  'context.maxBytes': 'integer',
  'context.checkpointMs': 'integer',
  'context.leaseMs': 'integer',
  'context.storage': 'codeOnly',
  'shutdown.mode': 'text',
  'shutdown.timeoutMs': 'integer',
  'shutdown.finIntervalMs': 'integer',
  'shutdown.closeBatch': 'integer',
  'admin.enabled': 'flag',
  'admin.path': 'text',
  'admin.tokens': 'texts',
};

const OPTIONS_BY_VARIABLE = new Map(
  Object.keys(OPTION_READINGS).map((path) => [variableOf(path), path as OptionPath]),
);

/** The variable of an option: `relay.maxConnections` is `MIGRATION_RELAY_MAX_CONNECTIONS`. */
export function variableOf(path: string): string {
  return PREFIX + path.replace(/[A-Z]/g, '_$&').replace('.', '_').toUpperCase();
}

/**
 * Options from `MIGRATION_*` variables. Only those that are set are present.
 *
 * @throws InvalidMigrationOptionsError which names every wrong and every unknown variable
 */
export function readEnvironment(environment: NodeJS.ProcessEnv): MigrationOptions {
  const input: Record<string, unknown> = {};
  const unknown: OptionProblem[] = [];
  for (const [variable, value = ''] of Object.entries(environment)) {
    const text = value.trim();
    if (!variable.startsWith(PREFIX) || text === '') {
      continue;
    }
    const path = OPTIONS_BY_VARIABLE.get(variable);
    if (path === undefined || OPTION_READINGS[path] === 'codeOnly') {
      unknown.push({ path: variable, text: path ? onlyInCode(path) : notAVariable(variable) });
    } else {
      assign(input, path, read(OPTION_READINGS[path], text));
    }
  }
  const wrong = readOptions(input).problems.map(({ path, text }) => inTermsOfVariable(path, text));
  const problems = [...unknown, ...wrong];
  if (problems.length > 0) {
    throw new InvalidMigrationOptionsError(problems);
  }
  return input;
}

/**
 * The `migration` namespace of `ConfigService`, from `MIGRATION_*` variables:
 * `MigrationModule.forRootAsync(migrationConfig.asProvider())`.
 *
 * @publicApi
 */
export const migrationConfig = registerAs('migration', () => readEnvironment(process.env));

function read(reading: Reading, text: string): unknown {
  switch (reading) {
    case 'texts':
      return itemsOf(text);
    case 'flag':
      return text === 'true' || (text === 'false' ? false : text);
    case 'integer':
      return toInteger(text);
    case 'integers':
      return itemsOf(text).map(toInteger);
    case 'pem':
      return toPem(text);
    case 'pems':
      return itemsOf(text).map(toPem);
    default:
      return text;
  }
}

/** Text that is no integer stays text, which the option's own rule then refuses. */
function toInteger(text: string): number | string {
  return /^-?\d+$/.test(text) ? Number(text) : text;
}

/** Many tools can set a variable to one line only, so `\n` may stand for a line's end. */
function toPem(text: string): string {
  return text.replaceAll('\\n', '\n');
}

function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function assign(input: Record<string, unknown>, path: OptionPath, value: unknown): void {
  const [section = '', name] = path.split('.');
  if (name === undefined) {
    input[section] = value;
  } else {
    input[section] = { ...(input[section] as object | undefined), [name]: value };
  }
}

function inTermsOfVariable(path: string, text: string): OptionProblem {
  const [, option = path, index = ''] = /^([^[]*)(\[\d+\])?$/.exec(path) ?? [];
  return { path: variableOf(option) + index, text };
}

function onlyInCode(path: OptionPath): string {
  return `cannot be set by a variable; pass ${path} to MigrationModule`;
}

function notAVariable(variable: string): string {
  const candidates = [...OPTIONS_BY_VARIABLE].flatMap(([label, path]) => [
    { name: label.slice(PREFIX.length), label },
    { name: variableOf(path.slice(path.indexOf('.') + 1)).slice(PREFIX.length), label },
  ]);
  const suggestion = closestName(variable.slice(PREFIX.length), candidates);
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  return `is not a variable of nestjs-ws-migration${hint}`;
}
