export { addressList, isLoopbackHost } from './addresses.js';
export { AdminOptions } from './admin.options.js';
export {
  type AttentionFormat,
  DEFAULT_ATTENTION,
  idFrom,
  type RequestId,
} from './attention-format.js';
export { ContextOptions } from './context.options.js';
export { closestName, type NameCandidate } from './closest-name.js';
export {
  type AckMode,
  HubOptions,
  type MessageParser,
  type MigrationLevel,
  type UnresumableStreams,
} from './hub.options.js';
export { parseIngress, type IngressEntry } from './ingress-rules.js';
export { InvalidMigrationOptionsError } from './invalid-migration-options.error.js';
export {
  GeneralOptions,
  type MigrationOptions,
  type MigrationRole,
  type OptionPath,
  optionPaths,
  type ResolvedAdminOptions,
  type ResolvedContextOptions,
  type ResolvedHubOptions,
  type ResolvedOptions,
  type ResolvedRelayOptions,
  type ResolvedSecurityOptions,
  type ResolvedShutdownOptions,
} from './migration.options.js';
export type { OptionProblem } from './option-problem.js';
export { readOptions, type ReadOptions } from './read-options.js';
export { RelayOptions } from './relay.options.js';
export { resolveOptions } from './resolve-options.js';
export type { RoutingCandidate, RoutingRequest, RoutingStrategy } from './routing-strategy.js';
export { SecurityOptions } from './security.options.js';
export { type ShutdownMode, ShutdownOptions } from './shutdown.options.js';
export { unixTarget } from './unix-sockets.js';
