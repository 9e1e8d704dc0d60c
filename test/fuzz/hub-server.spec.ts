import { expect, onTestFinished, test } from 'vitest';
import { EvilRelay } from './support/evil-relay.js';
import { FuzzRandom, SEED, STRINGS } from './support/fuzz-random.js';
import { LIMIT_MS, report, Site, WARM_UP } from './support/site.js';

/** Each string costs a hub server more than a relay: it dials anew after most of them. */
const HUB_STRINGS = STRINGS / 2;
/** Of each service connection, its end or why it could not be opened. */
const LINES_PER_CONNECTION = 1;

test(`a hub server survives ${HUB_STRINGS} strings of a relay`, { timeout: LIMIT_MS }, async () => {
  console.log(`FUZZ_SEED=${SEED}`);
  const relay = new EvilRelay(new FuzzRandom(SEED));
  const site = await Site.start([await relay.listen()]);
  onTestFinished(async () => {
    // First: a relay that is there and never answers FIN would be waited for.
    relay.stop();
    await site.stop();
  });
  await relay.storm(WARM_UP);
  await site.beforeStorm();
  const before = { made: relay.made, attacked: relay.attacked };
  const started = performance.now();
  await relay.storm(HUB_STRINGS);
  const seconds = (performance.now() - started) / 1000;
  const aftermath = await site.afterStorm();
  const strings = relay.made - before.made;
  const connections = relay.attacked - before.attacked;
  report('hub server', { strings, connections, seconds, ...aftermath, ...relay.tally.counts });

  expect(aftermath.problems).toEqual([]);
  expect(strings).toBeGreaterThanOrEqual(HUB_STRINGS);
  expect(relay.unexplained).toEqual([]);
  for (const code of [4400, 4402, 4403, 4404, 4413, 4426]) {
    expect(relay.tally.of(`closed ${code}`), `closed with ${code}`).toBeGreaterThan(0);
  }
  expect(aftermath.hubLines).toBeLessThanOrEqual(LINES_PER_CONNECTION * (connections + 10));
  expect(aftermath.relayLines).toBe(0);
});
