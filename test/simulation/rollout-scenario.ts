import type { SeededRandom } from './random.js';
import type { Roll, Scenario } from './scenario.js';
import { withoutEvents } from './work-scenario.js';

/**
 * All servers are replaced by those of a newer version, one after the other, and nothing else
 * happens: each client has to move once at most.
 */
export function asRollout(scenario: Scenario, random: SeededRandom): Scenario {
  const servers = random.int(2, 4);
  const rolls: Roll[] = [];
  for (let at = random.int(20, 300), i = servers; i > 0; i--, at += random.int(200, 900)) {
    rolls.push({ at, deadlineMs: 3000, replacement: 'before', stopFinMs: undefined, version: '2' });
  }
  const calm = { overrun: 0, refuse: 0, silent: 0, targetDies: 0, serverDies: 0, cutSession: 0 };
  const quiet = { stallSession: 0, halfOpen: 0, loseAll: 0, freeze: 0, loseFinAck: 0 };
  return {
    ...scenario,
    ...calm,
    ...quiet,
    servers,
    rolls,
    isRollout: true,
    ingresses: 0,
    clientsThroughIngress: 0,
    reloads: [],
    requests: 0,
    work: withoutEvents(scenario.work),
  };
}
