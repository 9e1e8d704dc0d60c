import { LARGEST_CONTEXT, LONGEST_MS } from './limits.js';
import type { ContextStorage } from '../storage/context-storage.js';
import { Accepts, integer } from './rules.js';
import { contextStorage } from './storage-rule.js';

/**
 * What travels with a connection, and the copies of it that outlive its hub server.
 *
 * @publicApi
 */
export class ContextOptions {
  /**
   * Largest context of a connection (its state and its unfinished batches), encoded, in bytes.
   *
   * @default 65536
   */
  @Accepts(integer(1, LARGEST_CONTEXT))
  readonly maxBytes: number = 65_536;

  /**
   * Shortest time between two checkpoints of a connection, in milliseconds. The first change after a
   * quiet time is sent at once; acknowledgements wait for the checkpoint that has their effects.
   *
   * @default 200
   */
  @Accepts(integer(0, LONGEST_MS))
  readonly checkpointMs: number = 200;

  /**
   * Life of a stored context that nobody renews, in milliseconds.
   *
   * @default 120000
   */
  @Accepts(integer(1000, LONGEST_MS))
  readonly leaseMs: number = 120_000;

  /**
   * Where contexts are kept besides in the relay, so that they outlive it too: the same for all hub
   * servers. It is closed when the application stops. Cannot come from the environment.
   *
   * @default undefined, which is nowhere
   */
  @Accepts(contextStorage())
  readonly storage: ContextStorage | undefined = undefined;
}
