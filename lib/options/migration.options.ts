import { AdminOptions } from './admin.options.js';
import { ContextOptions } from './context.options.js';
import { HubOptions } from './hub.options.js';
import { RelayOptions } from './relay.options.js';
import { Accepts, oneOf } from './rules.js';
import { SecurityOptions } from './security.options.js';
import { ShutdownOptions } from './shutdown.options.js';

/**
 * What this process is: it holds client connections (`relay`), runs gateways (`hub`) or `both`.
 *
 * @publicApi
 */
export type MigrationRole = 'relay' | 'hub' | 'both';

/**
 * Options that belong to no section.
 *
 * @publicApi
 */
export class GeneralOptions {
  /**
   * What this process is.
   *
   * @default 'both'
   */
  @Accepts(oneOf('relay', 'hub', 'both'))
  readonly role: MigrationRole = 'both';
}

/**
 * Options of `MigrationModule.forRoot()`. All are optional, and `undefined` means the default.
 *
 * @publicApi
 */
export interface MigrationOptions extends Partial<GeneralOptions> {
  /** How service connections prove who they are. */
  readonly security?: Partial<SecurityOptions>;
  /** The side that holds client connections. */
  readonly relay?: Partial<RelayOptions>;
  /** The side that runs gateways. */
  readonly hub?: Partial<HubOptions>;
  /** What travels with a connection. */
  readonly context?: Partial<ContextOptions>;
  /** How a hub server shuts down. */
  readonly shutdown?: Partial<ShutdownOptions>;
  /** The admin API of a relay. */
  readonly admin?: Partial<AdminOptions>;
}

/** @publicApi */
export type ResolvedSecurityOptions = Readonly<SecurityOptions>;
/** @publicApi */
export type ResolvedRelayOptions = Readonly<RelayOptions>;
/** @publicApi */
export type ResolvedHubOptions = Readonly<HubOptions>;
/** @publicApi */
export type ResolvedContextOptions = Readonly<ContextOptions>;
/** @publicApi */
export type ResolvedShutdownOptions = Readonly<ShutdownOptions>;
/** @publicApi */
export type ResolvedAdminOptions = Readonly<AdminOptions>;

/**
 * Validated options with every default present; frozen through and through.
 *
 * @publicApi
 */
export interface ResolvedOptions {
  readonly role: MigrationRole;
  readonly security: ResolvedSecurityOptions;
  readonly relay: ResolvedRelayOptions;
  readonly hub: ResolvedHubOptions;
  readonly context: ResolvedContextOptions;
  readonly shutdown: ResolvedShutdownOptions;
  readonly admin: ResolvedAdminOptions;
}

type PathsOf<Section extends string, Options> = `${Section}.${keyof Options & string}`;

/** Path of an option, such as `relay.maxConnections`. */
export type OptionPath =
  | keyof GeneralOptions
  | PathsOf<'security', SecurityOptions>
  | PathsOf<'relay', RelayOptions>
  | PathsOf<'hub', HubOptions>
  | PathsOf<'context', ContextOptions>
  | PathsOf<'shutdown', ShutdownOptions>
  | PathsOf<'admin', AdminOptions>;

/** The classes of the sections, in the order in which they are read and documented. */
export const SECTIONS = {
  security: SecurityOptions,
  relay: RelayOptions,
  hub: HubOptions,
  context: ContextOptions,
  shutdown: ShutdownOptions,
  admin: AdminOptions,
} as const;

export type SectionName = keyof typeof SECTIONS;

/** The path of every option, in the order of the documentation. */
export function optionPaths(): OptionPath[] {
  const general = Object.keys(new GeneralOptions());
  const nested = Object.entries(SECTIONS).flatMap(([section, Options]) =>
    Object.keys(new Options()).map((name) => `${section}.${name}`),
  );
  return [...general, ...nested] as OptionPath[];
}
