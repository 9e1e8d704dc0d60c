import { Fleet } from '../../../demo/fleet.js';
import { readLedgers } from '../../../demo/ledger.js';
import type { Progress } from '../../../demo/progress.js';
import { until } from '../../../demo/until.js';
import { isClean, judge } from '../../../demo/verdict.js';
import type { Verdict } from '../../../demo/verdict-counts.js';
import type { ReloadOptions } from './options.js';
import { describeReload, problemsOf, type ReloadRecord, reloadIngress } from './reload.js';
import { RATE, type Site } from './site.js';

const EMPTY_MS = 15_000;

export interface ReloadResult {
  verdict: Verdict;
  reloads: ReloadRecord[];
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

  const reloads: ReloadRecord[] = [];
  for (let number = 1; number <= options.reloads; number += 1) {
    const ingress = site.ingresses[(number - 1) % site.ingresses.length]!;
    const served = async () =>
      expect(await fleet.settle(), `after reload ${number} not every client is served`);
    const record = await reloadIngress(ingress, deployment.admin, options.surprise, served);
    reloads.push(record);
    progress.phase(`reload ${number} of ${options.reloads}: ${describeReload(record)}`);
  }
  problems.push(...reloads.flatMap((record) => problemsOf(record, options.surprise)));
  const used = reloads.some(({ moved, rebound }) => moved + rebound > 0);
  expect(used, 'no client had its link through an ingress when it was reloaded');

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
    reloads,
    durationMs: Math.round(performance.now() - started),
    problems,
    clean: isClean(verdict) && problems.length === 0,
  };
}
