import type {
  Connected,
  LoadGenerator,
  Measured,
  Stopped,
  Target,
  Traffic,
} from './load-generator.js';
import { mergeConnected, mergeMeasured, mergeStopped, targetsOf, trafficsOf } from './shares.js';

/** Load generators that do together what one cannot have enough files for. */
export class LoadGenerators {
  constructor(private readonly all: readonly LoadGenerator[]) {}

  /** @throws when a client is refused */
  async connect(target: Omit<Target, 'sources'>): Promise<Connected> {
    const targets = targetsOf(target, this.all.length);
    return mergeConnected(
      await Promise.all(this.all.map((each, index) => each.connect(targets[index]!))),
    );
  }

  start(traffic: Traffic): void {
    const traffics = trafficsOf(traffic, this.all.length);
    for (const [index, each] of this.all.entries()) each.start(traffics[index]!);
  }

  /** Resolves when the measured time has begun. */
  async measure(): Promise<void> {
    await Promise.all(this.all.map((each) => each.measure()));
  }

  /** The measured time ends; the traffic goes on. */
  async end(): Promise<Measured> {
    return mergeMeasured(await Promise.all(this.all.map((each) => each.end())));
  }

  /**
   * Sends no more, and waits for all answers.
   * @throws when one is missing, is one too many, or a client was closed
   */
  async stop(): Promise<Stopped> {
    return mergeStopped(await Promise.all(this.all.map((each) => each.stop())));
  }

  /** Ends the processes, and with them all clients. */
  async exit(): Promise<void> {
    await Promise.all(this.all.map((each) => each.exit()));
  }
}
