import { randomInt } from 'node:crypto';
import { SeededRandom } from '../../simulation/random.js';

/** Strings sent to each port. */
export const STRINGS = Number(process.env['FUZZ_STRINGS'] ?? 100_000);

/** `FUZZ_SEED=<number>` repeats a run. */
export const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));

/** Random bytes and mutations; the same seed gives the same strings. */
export class FuzzRandom extends SeededRandom {
  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.int(0, 255);
    return bytes;
  }

  /** A copy with one to eight bits flipped. */
  flip(source: Buffer): Buffer {
    const copy = Buffer.from(source);
    for (let i = this.int(1, 8); i > 0 && copy.length > 0; i--) {
      copy[this.int(0, copy.length - 1)]! ^= 1 << this.int(0, 7);
    }
    return copy;
  }

  /** A beginning of it, never all of it. */
  truncate(source: Buffer): Buffer {
    return source.subarray(0, this.int(0, Math.max(0, source.length - 1)));
  }

  /** With random bytes put in somewhere. */
  insert(source: Buffer): Buffer {
    const at = this.int(0, source.length);
    return Buffer.concat([
      source.subarray(0, at),
      this.bytes(this.int(1, 32)),
      source.subarray(at),
    ]);
  }

  mutate(source: Buffer): Buffer {
    const kind = this.int(0, 3);
    if (kind === 0) return this.truncate(source);
    if (kind === 1) return this.insert(source);
    return this.flip(source);
  }
}
