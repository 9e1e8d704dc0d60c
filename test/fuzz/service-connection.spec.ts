import { expect, onTestFinished, test } from 'vitest';
import { besiege } from './support/assault.js';
import { EVIL_PATH, EvilHubs } from './support/evil-hub.js';
import { FuzzRandom, SEED, STRINGS } from './support/fuzz-random.js';
import { LIMIT_MS, authorization, report, Site, WARM_UP } from './support/site.js';
import { Victims } from './support/victims.js';

const SERVERS = 16;
/** A hub server joins, its service connection ends, it leaves. */
const LINES_PER_CONNECTION = 3;
/** What the relay says of a port that a damaged handshake happens to announce. */
const PORT_NOT_OPENED = /^error: Gateway port \d+ is not opened: relay\.gatewayPorts/;

async function tokens(): Promise<Map<string, string>> {
  const names = Array.from({ length: SERVERS }, (_, i) => `evil-${i}`);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await authorization(name)] as const)),
  );
}

async function assault(site: Site, hubs: EvilHubs) {
  const victims = new Victims(`ws://127.0.0.1:${site.clientPort}${EVIL_PATH}`);
  const tally = await besiege(site.servicePort, hubs);
  await victims.stop();
  return { tally, clients: victims.opened };
}

test(`service connections survive ${STRINGS} strings`, { timeout: LIMIT_MS }, async () => {
  console.log(`FUZZ_SEED=${SEED}`);
  const site = await Site.start();
  onTestFinished(() => site.stop());
  const random = new FuzzRandom(SEED);
  const authorizations = await tokens();
  await assault(site, new EvilHubs(random, WARM_UP, authorizations));
  await site.beforeStorm();
  const started = performance.now();
  const hubs = new EvilHubs(random, STRINGS, authorizations);
  const { tally, clients } = await assault(site, hubs);
  const seconds = (performance.now() - started) / 1000;
  const aftermath = await site.afterStorm();
  report('service connections', {
    strings: hubs.made,
    seconds,
    ...aftermath,
    clients,
    ...tally.counts,
  });

  expect(aftermath.problems.filter((problem) => !PORT_NOT_OPENED.test(problem))).toEqual([]);
  expect(hubs.made).toBeGreaterThanOrEqual(STRINGS);
  expect(hubs.unexplained).toEqual([]);
  for (const code of [4400, 4402, 4403, 4404, 4409, 4413, 4426]) {
    expect(tally.of(`closed ${code}`), `service connections closed with ${code}`).toBeGreaterThan(
      0,
    );
  }
  expect(clients).toBeGreaterThan(0);
  expect(aftermath.relayLines).toBeLessThanOrEqual(LINES_PER_CONNECTION * tally.of(101));
  expect(aftermath.hubLines).toBe(0);
});
