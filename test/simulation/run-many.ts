import { runSchedule } from './schedule.js';

export interface ManyResults {
  schedules: number;
  events: number;
  /** Seeds of the schedules in which an invariant did not hold, and what was found first. */
  failures: { seed: number; violation: string }[];
  /** What happened over all schedules, and how often. */
  occurred: Map<string, number>;
}

/** Runs the schedules of `count` seeds. */
export function runMany(from: number, count: number): ManyResults {
  const results: ManyResults = { schedules: count, events: 0, failures: [], occurred: new Map() };
  const { failures, occurred } = results;
  for (let seed = from; seed < from + count; seed++) {
    const { events, occurred: here, violations } = runSchedule(seed);
    results.events += events;
    for (const [what, n] of here) occurred.set(what, (occurred.get(what) ?? 0) + n);
    if (violations.length > 0) failures.push({ seed, violation: violations[0]! });
  }
  return results;
}

/** A failure as a person wants to read it: what, and how to see it happen. */
export const explain = ({ seed, violation }: ManyResults['failures'][number]): string =>
  `seed ${seed}: ${violation}\n  replay it: npm run simulate -- --seed ${seed}`;

/**
 * What must have happened in a run that proves something: a simulation in which nobody refuses says
 * nothing about refusals.
 */
export const EXPECTED_OCCURRENCES: readonly string[] = [
  'client accepted',
  'client kept',
  'client paused',
  'committed',
  'drained',
  'FINACK lost',
  'first server refused',
  'upgrade refused: 403',
  'upgrade refused: 503',
  'late answer of the origin',
  'migration asked for',
  'moved with undelivered messages',
  'push while leaving',
  'slow handler',
  'stays',
  'rolledBack: clientClosed',
  'rolledBack: closedByServer',
  'rolledBack: deadline',
  'rolledBack: handlerRunning',
  'rolledBack: noTarget',
  'rolledBack: refused',
  'rolledBack: targetLost',
  'rolledBack: targetTimeout',
  'relay closed 1012 deadline while open',
  'relay closed 1012 handlerRunning while open',
  'relay closed 1012 noTarget while open',
  'relay closed 1012 serverLost while detached',
  'relay closed 1012 serverLost while taken over',
  'relay closed 4001 bye while open',
  'gone: elsewhere',
  'gone: ended',
  'handled again after a loss',
  'messages skipped',
  'rebinding refused',
  'rebinding tried',
  'rebound',
  'reclaimed',
  'server away for a while',
  'server away too long',
  'server closed while detached',
  'server given up',
  'service connection half open',
  'stays: rebound',
  'taken over',
  'takeover tried',
  'told that it has moved',
  'server died',
  'service connection cut',
  'service connection stalled',
  'target died',
  'target does not answer',
  'target refused',
  'reload announced',
  'reload asked for again',
  'reload cancelled',
  'reload during a drain',
  'reload expired',
  'reload ready',
  'reload refused: last ingress',
  'reload refused: unknown ingress',
  'reload waits for a way',
  ...['expired', 'ready', 'running', 'waiting'].map((state) => `ingress cut when ${state}`),
  'ingress cut without a word',
  'reroute asked for',
  'rerouted',
  'last word asked for again',
  'rolledBack: noAnswer',
  'rolledBack: noRoute',
  'relay closed 1012 ingressReload while open',
  'relay closed 1012 ingressReload while rerouting',
  ...[
    'opening',
    'open',
    'requested',
    'ready',
    'leaving',
    'detached',
    'taken over',
    'rerouting',
  ].map((phase) => `client cut while ${phase}`),
  ...['open', 'requested', 'ready', 'leaving', 'detached', 'rerouting'].map(
    (phase) => `client closed while ${phase}`,
  ),
  ...['open', 'requested', 'ready', 'leaving', 'rerouting'].map(
    (phase) => `server closed while ${phase}`,
  ),
  ...['hangs', 'takes its time', 'cancels', 'retargets', 'ends in vain'].map(
    (what) => `READY hook ${what}`,
  ),
  'connection held',
  'not migratable',
  'departure refused: notMigratable',
  'relay closed 1012 notMigratable while open',
  'acknowledged after a checkpoint',
  'checkpoint while detached',
  'checkpoint of a server that was left',
  'move with a context',
  'takeover with a context',
  'state judged',
  'batch suspended',
  'batch goes on after a move',
  'batch goes on after a crash',
  'batch goes on where it was',
  'result repeated after a crash',
  'answered again after a crash',
  'attention to what is over or unknown',
  'request cancelled at work',
  'request cancelled before it is handed over',
  'request cancelled while requested',
  'request cancelled while leaving',
  'message flows to an origin that waits',
  'progress: ready',
  'progress: waiting',
  'moved to where it was asked to',
  'moved in a rollout',
  ...['alreadyThere', 'closing', 'noTarget', 'notMigratable', 'ok', 'unknown'].map(
    (result) => `request while open: ${result}`,
  ),
  ...['requested', 'detached', 'leaving'].map((phase) => `request while ${phase}: ok`),
  'request while ready: tooLate',
  'cancel while open: nothingToCancel',
  'cancel while requested: ok',
  'cancel while ready: tooLate',
  'cancel while detached: ok',
  'rolledBack: cancelled',
  'command answered: noRelay',
  ...[
    'none to requested',
    'requested to requested',
    'requested to ready',
    'requested to cancelled',
    'requested to failed',
    'ready to migrating',
    'ready to cancelled',
    'ready to failed',
    'migrating to cancelled',
    'migrating to failed',
    'cancelled to requested',
    'failed to requested',
  ].map((change) => `state ${change}`),
];
