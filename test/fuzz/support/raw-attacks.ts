import { upgradeRequest } from '../../support/relay-fixture.js';
import type { Attack, Attacks } from './assault.js';
import type { FuzzRandom } from './fuzz-random.js';
import { brokenUpgrade } from './http-strings.js';
import { fatalFrame, harmlessFrame } from './web-socket-bytes.js';

/**
 * Attacks on an HTTP port: garbage, broken upgrades, and valid upgrades with good and bad frames
 * behind them, in the same packet or after the answer.
 */
export class RawAttacks implements Attacks {
  /** Strings made. */
  made = 0;

  constructor(
    private readonly random: FuzzRandom,
    private readonly limit: number,
    private readonly path: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  next(): Attack | undefined {
    if (this.made >= this.limit) return undefined;
    const { random, path, headers } = this;
    const reset = random.chance(0.1);
    const kind = random.int(0, 9);
    if (kind < 4) return { first: this.string(random.bytes(random.int(1, 300))), reset };
    if (kind < 8) return { first: this.string(brokenUpgrade(random, path, headers)), reset };
    const frames = this.frames();
    const request = Buffer.from(upgradeRequest(path, headers));
    if (kind === 8) return { first: Buffer.concat([request, ...frames]), reset };
    return { first: request, upgraded: (socket) => socket.write(Buffer.concat(frames)), reset };
  }

  private frames(): Buffer[] {
    const frames: Buffer[] = [];
    while (this.random.chance(0.85)) frames.push(this.string(harmlessFrame(this.random)));
    frames.push(this.string(fatalFrame(this.random)));
    return frames;
  }

  private string(bytes: Buffer): Buffer {
    this.made++;
    return bytes;
  }
}
