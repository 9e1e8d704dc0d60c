import type { SessionRecord, VisitRecord } from './ledger.js';
import type { Mode } from './options.js';
import { count, type Verdict } from './verdict-counts.js';

const SERVICE_RESTART = 1012;
const NORMAL = 1000;

/** Follows one connection over all servers that it visited, and adds what it finds to the verdict. */
export function judgeSession(
  mode: Mode,
  session: SessionRecord,
  visits: readonly VisitRecord[],
  verdict: Verdict,
): void {
  const path = visits.toSorted((a, b) => a.openedAt - b.openedAt);
  // Mode off closes connections with messages under way: what was at the end of a stream is lost.
  const cut =
    mode === 'off' && session.closedBy === 'server' && session.closeCode === SERVICE_RESTART;
  judgePath(session, path, cut, verdict);
  judgeInbound(session, path, cut, verdict);
  judgeOutbound(session, path, cut, verdict);
  judgeClose(session, cut, verdict);
}

function judgePath(
  { label, connectionId }: SessionRecord,
  path: readonly VisitRecord[],
  cut: boolean,
  verdict: Verdict,
): void {
  const first = path.at(0);
  const last = path.at(-1);
  if (!first || !last) {
    if (!cut) {
      count(verdict, 'unpaired', `${label}: no server saw this connection`);
    }
    return;
  }
  if (first.from !== null) {
    count(verdict, 'unpaired', `${label}: came to ${first.server} from an unknown ${first.from}`);
  }
  if (last.to !== null) {
    const end = last.to === undefined ? 'never left it' : `left it for an unknown ${last.to}`;
    count(verdict, 'unpaired', `${label}: came to ${last.server} and ${end}`);
  }
  for (const [index, visit] of path.entries()) {
    const next = path[index + 1];
    if (next && (visit.to !== next.server || next.from !== visit.server)) {
      const { server, to } = visit;
      const story = `left ${server} for ${to}, came to ${next.server} from ${next.from}`;
      count(verdict, 'unpaired', `${label}: ${story}`);
    }
    if (visit.connectionId !== (connectionId ?? first.connectionId)) {
      const names = `${connectionId ?? first.connectionId}, on ${visit.server} ${visit.connectionId}`;
      count(verdict, 'renamed', `${label}: was ${names}`);
    }
  }
  verdict.moves += path.slice(1).filter(({ from }) => from !== null).length;
}

/** Client to hub: each number handled once, in order, by the old server before the new one opens. */
function judgeInbound(
  session: SessionRecord,
  path: readonly VisitRecord[],
  cut: boolean,
  verdict: Verdict,
): void {
  const seen = new Set<number>();
  let highest = 0;
  for (const [index, visit] of path.entries()) {
    const nextOpenedAt = path[index + 1]?.openedAt ?? Infinity;
    for (const { label, n, intact, at } of visit.handled) {
      const what = `${session.label}: up ${n} on ${visit.server}`;
      if (label !== session.label || n < 1 || n > session.sent) {
        count(verdict, 'foreign', `${what} is from ${label}, which sent ${session.sent}`);
        continue;
      }
      if (!intact) {
        count(verdict, 'corrupted', what);
      }
      if (seen.has(n)) {
        count(verdict, 'duplicated', what);
      } else if (n < highest) {
        count(verdict, 'outOfOrder', `${what} after ${highest}`);
      } else if (at > nextOpenedAt) {
        count(verdict, 'outOfOrder', `${what} after it had moved on`);
      }
      seen.add(n);
      highest = Math.max(highest, n);
    }
    verdict.received += visit.handled.length;
  }
  verdict.sent += session.sent;
  countMissing(`${session.label}: up`, session.sent, seen, cut ? highest : Infinity, verdict);
}

/** Hub to client: each server's numbers once, in order, the old server's before the new one's. */
function judgeOutbound(
  session: SessionRecord,
  path: readonly VisitRecord[],
  cut: boolean,
  verdict: Verdict,
): void {
  // Servers of the demo are new in each roll: no connection visits one twice.
  const stops = new Map(
    path.map(({ server, sent }, index) => [
      server,
      { index, sent, highest: 0, seen: new Set<number>() },
    ]),
  );
  let reached = 0;
  for (const { server, n } of session.received) {
    const what = `${session.label}: down ${n} of ${server}`;
    const stop = stops.get(server);
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
  for (const [server, { index, sent, highest, seen }] of stops) {
    const end = cut && index === path.length - 1 ? highest : Infinity;
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
  seen: ReadonlySet<number>,
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
