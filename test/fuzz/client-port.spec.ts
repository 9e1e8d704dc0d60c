import { expect, onTestFinished, test } from 'vitest';
import { besiege } from './support/assault.js';
import { FuzzRandom, SEED, STRINGS } from './support/fuzz-random.js';
import { RawAttacks } from './support/raw-attacks.js';
import { LIMIT_MS, report, Site, WARM_UP } from './support/site.js';

test(`the client port survives ${STRINGS} strings`, { timeout: LIMIT_MS }, async () => {
  console.log(`FUZZ_SEED=${SEED}`);
  const site = await Site.start();
  onTestFinished(() => site.stop());
  const random = new FuzzRandom(SEED);
  await besiege(site.clientPort, new RawAttacks(random, WARM_UP, '/chat'));
  await site.beforeStorm();
  const started = performance.now();
  const attacks = new RawAttacks(random, STRINGS, '/chat');
  const tally = await besiege(site.clientPort, attacks);
  const seconds = (performance.now() - started) / 1000;
  const aftermath = await site.afterStorm();
  report('client port', { strings: attacks.made, seconds, ...aftermath, ...tally.counts });

  expect(aftermath.problems).toEqual([]);
  expect(attacks.made).toBeGreaterThanOrEqual(STRINGS);
  for (const reached of [101, 400, 404, 'closed 1002', 'closed 1007', 'closed 1009']) {
    expect(tally.of(reached), `attacks that ended with ${reached}`).toBeGreaterThan(0);
  }
  expect(site.relay.relay.core.counters.refused).not.toHaveProperty('503');
  expect(aftermath.relayLines + aftermath.hubLines).toBe(0);
});
