import { expect, onTestFinished, test } from 'vitest';
import { besiege } from './support/assault.js';
import { FuzzRandom, SEED, STRINGS } from './support/fuzz-random.js';
import { RawAttacks } from './support/raw-attacks.js';
import { LIMIT_MS, authorization, report, SERVICE_PATH, Site, WARM_UP } from './support/site.js';

/** Strangers are logged once a minute for each address. */
const MOST_LINES = 10;

test(`the service port survives ${STRINGS} strings`, { timeout: LIMIT_MS }, async () => {
  console.log(`FUZZ_SEED=${SEED}`);
  const site = await Site.start();
  onTestFinished(() => site.stop());
  const random = new FuzzRandom(SEED);
  const headers = { Authorization: await authorization('fuzz') };
  await besiege(site.servicePort, new RawAttacks(random, WARM_UP, SERVICE_PATH, headers));
  await site.beforeStorm();
  const started = performance.now();
  const attacks = new RawAttacks(random, STRINGS, SERVICE_PATH, headers);
  const tally = await besiege(site.servicePort, attacks);
  const seconds = (performance.now() - started) / 1000;
  const aftermath = await site.afterStorm();
  report('service port', {
    strings: attacks.made,
    seconds,
    ...aftermath,
    ...tally.counts,
  });

  expect(aftermath.problems).toEqual([]);
  expect(attacks.made).toBeGreaterThanOrEqual(STRINGS);
  for (const reached of [101, 400, 401, 404, 'closed 1002', 'closed 4400', 'closed 4413']) {
    expect(tally.of(reached), `attacks that ended with ${reached}`).toBeGreaterThan(0);
  }
  expect(tally.of('closed 4500')).toBe(0);
  expect(aftermath.relayLines).toBeLessThanOrEqual(MOST_LINES);
  expect(aftermath.hubLines).toBe(0);
});
