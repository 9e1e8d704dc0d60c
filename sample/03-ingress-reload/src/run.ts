import { Fleet } from '../../../demo/fleet.js';
import { readLedgers } from '../../../demo/ledger.js';
import type { Progress } from '../../../demo/progress.js';
import { until } from '../../../demo/until.js';
import { isClean, judge } from '../../../demo/verdict.js';
import type { Verdict } from '../../../demo/verdict-counts.js';
import type { ReloadOptions } from './options.js';
import { RATE, type Site } from './site.js';

const EMPTY_MS = 15_000;

export interface ReloadResult {
  verdict: Verdict;
  durationMs: number;
  problems: string[];
  clean: boolean;
}

/** Reloads the ingresses in turn under traffic; all processes have ended when this resolves. */
export async function runReloads(
  options: ReloadOptions,
  site: Site,
  progress: Progress,
): Promise<ReloadResult> {
  const started = performance.now();
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) {
      problems.push(problem);
    }
  };
  const { deployment } = site;

  progress.phase(`starting a relay, two ${options.flavour}, and two hub servers behind them`);
  await site.start();
  progress.phase(`connecting ${options.clients} clients to ${deployment.clientUrl}`);
  const fleet = new Fleet({ ...options, rate: RATE }, deployment.clientUrl);
  progress.live = () => fleet.describe();
  if (!(await fleet.connect())) {
    throw new Error(`only ${fleet.connected} of ${options.clients} clients could connect`);
  }
  fleet.start();
  expect(await fleet.settle(), 'before the first reload not every busy client was answered');

  for (let reload = 1; reload <= options.reloads; reload += 1) {
    const ingress = site.ingresses[(reload - 1) % site.ingresses.length]!;
    await ingress.reload();
    await site.whole();
    progress.phase(`reload ${reload} of ${options.reloads}: ${ingress.id}, ${fleet.describe()}`);
    expect(await fleet.settle(), `after reload ${reload} not every client is served`);
  }

  progress.phase('stopping the busy clients, probing the idle ones');
  const unanswered = await fleet.stop();
  expect(unanswered === 0, `${unanswered} busy clients miss an answer`);
  const unreached = await fleet.probeIdle();
  expect(unreached === 0, `${unreached} idle clients were not reachable at the end`);
  progress.phase('closing all clients, then stopping all processes');
  await fleet.end();
  const isEmpty = async () => (await deployment.stats()).clients === 0;
  expect(await until(isEmpty, EMPTY_MS), 'the relay still counts clients after all of them left');
  problems.push(...(await site.stop()));

  progress.phase('comparing the ledgers');
  const verdict = judge('migrateClients', fleet.sessions, readLedgers(deployment.ledgers));
  expect(verdict.moves === 0, `${verdict.moves} clients were moved to the other hub server`);
  expect(fleet.failedConnects === 0, `${fleet.failedConnects} attempts to connect failed`);
  return {
    verdict,
    durationMs: Math.round(performance.now() - started),
    problems,
    clean: isClean(verdict) && problems.length === 0,
  };
}
