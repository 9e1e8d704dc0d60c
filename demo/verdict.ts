import type { Outage, SessionRecord, VisitRecord } from './ledger.js';
import type { Mode } from './options.js';
import { judgeSession } from './session-judge.js';
import { count, emptyVerdict, type Verdict } from './verdict-counts.js';

/**
 * Compares the clients' ledger with the gateways'.
 *
 * @param outages what excuses repeated messages and missing leaves, on these servers at these times;
 *   undefined when no service connection was cut either
 */
export function judge(
  mode: Mode,
  sessions: readonly SessionRecord[],
  visits: readonly VisitRecord[],
  outages?: readonly Outage[],
): Verdict {
  const verdict = emptyVerdict();
  const paths = new Map(sessions.map(({ label }) => [label, [] as VisitRecord[]]));
  for (const visit of visits) {
    const path = paths.get(visit.label);
    if (path) {
      path.push(visit);
    } else {
      count(verdict, 'foreign', `${visit.label}: ${visit.server} has it, but no client`);
    }
  }
  for (const session of sessions) {
    judgeSession(mode, session, paths.get(session.label) ?? [], outages, verdict);
  }
  judgeIdentities(visits, verdict);
  return verdict;
}

/** True when nothing happened that the mode does not allow. */
export function isClean(verdict: Verdict): boolean {
  const { lost, lostAllowed, duplicated, outOfOrder, foreign, corrupted } = verdict;
  const messages = lost - lostAllowed + duplicated + outOfOrder + foreign + corrupted;
  return messages + verdict.renamed + verdict.unpaired + verdict.unexpectedCloses === 0;
}

function judgeIdentities(visits: readonly VisitRecord[], verdict: Verdict): void {
  const owners = new Map<string, string>();
  for (const { connectionId, label } of visits) {
    const owner = owners.get(connectionId) ?? label;
    owners.set(connectionId, owner);
    if (owner !== label) {
      count(verdict, 'renamed', `${label}: has the connectionId of ${owner}, ${connectionId}`);
    }
  }
}
