import { privateKey, publicKey, secret } from './key-rules.js';
import { Accepts, integer, listOf, unseen } from './rules.js';

const KEYS_AT_ONCE = 2;

/**
 * How service connections prove who they are. Without a secret or key only loopback and
 * in-process connections are accepted.
 *
 * @publicApi
 */
export class SecurityOptions {
  /**
   * Shared secrets, each of at least 32 characters, at most two. The first signs and all verify,
   * so that one can be replaced by the other while servers run.
   *
   * @default []
   */
  @Accepts(listOf(secret, KEYS_AT_ONCE))
  readonly secrets: readonly string[] = [];

  /**
   * Key with which a hub server signs, instead of secrets: PEM, PKCS#8 (Ed25519, EC P-256 or RSA).
   *
   * @default undefined
   */
  @Accepts(privateKey)
  readonly privateKey: string | undefined = undefined;

  /**
   * Keys with which a relay verifies, at most two: PEM, SPKI.
   *
   * @default []
   */
  @Accepts(listOf(publicKey, KEYS_AT_ONCE))
  readonly publicKeys: readonly string[] = [];

  /**
   * Life of a service connection's token, in seconds.
   *
   * @default 60
   */
  @Accepts(unseen(integer(5, 3600)))
  readonly tokenLifetimeSeconds: number = 60;
}
