import type { Outage, SessionRecord, VisitRecord } from './ledger.js';
import type { Mode } from './options.js';
import { judgePath, pathOf, type Stop } from './path-judge.js';
import { count, type Verdict } from './verdict-counts.js';

const SERVICE_RESTART = 1012;
const NORMAL = 1000;

/** Follows one connection over all servers that it visited, and adds what it finds to the verdict. */
export function judgeSession(
  mode: Mode,
  session: SessionRecord,
  visits: readonly VisitRecord[],
  outages: readonly Outage[] | undefined,
  verdict: Verdict,
): void {
  const path = pathOf(session, visits, outages);
  // Mode off closes connections with messages under way: what was at the end of a stream is lost.
  const cut =
    mode === 'off' && session.closedBy === 'server' && session.closeCode === SERVICE_RESTART;
  judgePath(session, path, cut, verdict);
  judgeInbound(session, path, cut, verdict);
  judgeOutbound(session, path, cut, verdict);
  judgeClose(session, cut, verdict);
}

/**
 * Client to hub: each number handled once, in order, by the old server before the new one opens.
 * What a server had not answered when it was lost, another one handles again.
 */
function judgeInbound(
  session: SessionRecord,
  path: readonly Stop[],
  cut: boolean,
  verdict: Verdict,
): void {
  const answers = new Set(session.received.map((it) => `${it.server} ${it.visit} ${it.re}`));
  const handledOn = new Map<number, Stop[]>();
  let highest = 0;
  for (const [index, visit] of path.entries()) {
    const nextOpenedAt = path[index + 1]?.openedAt ?? Infinity;
    const mayHandleAgain = (n: number) =>
      handledOn.get(n)!.every((earlier) => {
        const answered = answers.has(`${earlier.server} ${earlier.visit} ${n}`);
        return earlier !== visit && earlier.outage !== undefined && !answered;
      });
    let last = 0;
    for (const { label, n, intact, at } of visit.handled) {
      const what = `${session.label}: up ${n} on ${visit.server}`;
      if (label !== session.label || n < 1 || n > session.sent) {
        count(verdict, 'foreign', `${what} is from ${label}, which sent ${session.sent}`);
        continue;
      }
      if (!intact) {
        count(verdict, 'corrupted', what);
      }
      if (handledOn.has(n)) {
        if (!mayHandleAgain(n)) {
          count(verdict, 'duplicated', what);
        } else if (n < last) {
          count(verdict, 'outOfOrder', `${what} again, after ${last}`);
        } else {
          verdict.repeated += 1;
        }
      } else if (n < highest) {
        count(verdict, 'outOfOrder', `${what} after ${highest}`);
      } else if (at > nextOpenedAt && !visit.outage) {
        count(verdict, 'outOfOrder', `${what} after it had moved on`);
      }
      handledOn.set(n, [...(handledOn.get(n) ?? []), visit]);
      highest = Math.max(highest, n);
      last = Math.max(last, n);
    }
    verdict.received += visit.handled.length;
  }
  verdict.sent += session.sent;
  const end = cut ? highest : Infinity;
  countMissing(`${session.label}: up`, session.sent, handledOn, end, verdict);
}

/** Hub to client: each stay's numbers once, in order, the old server's before the new one's. */
function judgeOutbound(
  session: SessionRecord,
  path: readonly Stop[],
  cut: boolean,
  verdict: Verdict,
): void {
  const stops = new Map(
    path.map((stop, index) => [
      `${stop.server} ${stop.visit}`,
      { ...stop, index, highest: 0, seen: new Set<number>() },
    ]),
  );
  let reached = 0;
  for (const { server, visit, n } of session.received) {
    const what = `${session.label}: down ${n} of ${server}`;
    const stop = stops.get(`${server} ${visit}`);
    if (!stop || n < 1 || n > stop.sent) {
      count(verdict, 'foreign', `${what}, which sent ${stop?.sent ?? 'nothing'}`);
      continue;
    }
    if (stop.seen.has(n)) {
      count(verdict, 'duplicated', what);
    } else if (n < stop.highest || stop.index < reached) {
      count(verdict, 'outOfOrder', `${what} after a later one`);
    }
    stop.seen.add(n);
    stop.highest = Math.max(stop.highest, n);
    reached = Math.max(reached, stop.index);
  }
  for (const { server, index, sent, highest, seen, outage } of stops.values()) {
    const endMayMiss = outage !== undefined || (cut && index === path.length - 1);
    const end = endMayMiss ? highest : Infinity;
    countMissing(`${session.label}: down of ${server}`, sent, seen, end, verdict);
    verdict.sent += sent;
  }
  verdict.received += session.received.length;
  repeat(session.foreign, () => count(verdict, 'foreign', `${session.label}: not meant for it`));
  repeat(session.corrupted, () => count(verdict, 'corrupted', `${session.label}: changed`));
}

function judgeClose(
  { label, closedBy, closeCode }: SessionRecord,
  cut: boolean,
  verdict: Verdict,
): void {
  if (cut) {
    verdict.expectedCloses += 1;
  } else if (closedBy !== 'client' || closeCode !== NORMAL) {
    const how = closedBy ? `closed by the ${closedBy} with code ${closeCode}` : 'never closed';
    count(verdict, 'unexpectedCloses', `${label}: ${how}`);
  }
}

/** Numbers above `allowedAbove` may be missing. */
function countMissing(
  what: string,
  sent: number,
  seen: ReadonlySet<number> | ReadonlyMap<number, unknown>,
  allowedAbove: number,
  verdict: Verdict,
): void {
  for (let n = 1; n <= sent; n += 1) {
    if (seen.has(n)) {
      continue;
    }
    if (n > allowedAbove) {
      verdict.lost += 1;
      verdict.lostAllowed += 1;
    } else {
      count(verdict, 'lost', `${what} ${n}`);
    }
  }
}

function repeat(times: number, body: () => void): void {
  for (let index = 0; index < times; index += 1) {
    body();
  }
}
