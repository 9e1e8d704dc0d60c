import { bearerToken } from './key-rules.js';
import { plainPath } from './network-rules.js';
import { Accepts, flag, listOf, unseen } from './rules.js';

const TOKENS_AT_ONCE = 10;

/**
 * The admin API of a relay, served when the application imports `MigrationAdminModule`.
 *
 * @publicApi
 */
export class AdminOptions {
  /**
   * Whether the admin API is served. It needs `tokens`, and a relay.
   *
   * @default false
   */
  @Accepts(unseen(flag()))
  readonly enabled: boolean = false;

  /**
   * Path under which the admin API is served, below the application's global prefix if it has one.
   *
   * @default '/migration/admin'
   */
  @Accepts(unseen(plainPath))
  readonly path: string = '/migration/admin';

  /**
   * Bearer tokens, each of at least 32 letters, digits and `-._~+/`, at most ten. Any of them is accepted, so that
   * one can be replaced by another while deploy tools use it.
   *
   * @default []
   */
  @Accepts(listOf(bearerToken, TOKENS_AT_ONCE))
  readonly tokens: readonly string[] = [];
}
