import type { Outage, SessionRecord, VisitRecord } from './ledger.js';
import { count, type Verdict } from './verdict-counts.js';

/** One stop on the way of a connection over the hub servers. */
export interface Stop extends VisitRecord {
  /** How it could end without a leave, if it could. */
  outage?: Outage;
}

/**
 * The stops of one connection, in order.
 *
 * @param outages undefined when there were no faults at all
 */
export function pathOf(
  { received }: SessionRecord,
  visits: readonly VisitRecord[],
  outages: readonly Outage[] | undefined,
): Stop[] {
  const stops = visits
    .toSorted((a, b) => a.openedAt - b.openedAt)
    .map((visit): Stop => {
      const outage = outages?.find((it) => isHit(visit, it));
      return outage ? { ...visit, outage } : visit;
    });
  if (!outages) {
    return stops;
  }
  // A server that was lost, or cut off, while it took a connection over may never have had it.
  return stops.filter((stop, index) => {
    const { server, visit, outage, from, to } = stop;
    const later = stops.slice(index + 1);
    const had =
      from === null ||
      stop.handled.length > 0 ||
      received.some((it) => it.server === server && it.visit === visit) ||
      isNeighbour(server, stops[index - 1], later);
    // It learns where the connection is by then: where it was, or where a later attempt brought it.
    const isTold = to === from || [stop, ...later].some((it) => it.server === to);
    return had || to === null || (!outage && !isTold);
  });
}

/** Whether other stops tell that the connection was at this server, between them. */
function isNeighbour(server: string, before: Stop | undefined, after: readonly Stop[]): boolean {
  const next = after.find((it) => it.from === server || it.server === server);
  // It came here in a later attempt.
  const cameLater = next?.server === server;
  return !cameLater && (next !== undefined || before?.to === server);
}

export function judgePath(
  { label, connectionId }: SessionRecord,
  path: readonly Stop[],
  cut: boolean,
  verdict: Verdict,
): void {
  const unpaired = (story: string) => count(verdict, 'unpaired', `${label}: ${story}`);
  const first = path.at(0);
  const last = path.at(-1);
  if (!first || !last) {
    if (!cut) {
      unpaired('no server saw this connection');
    }
    return;
  }
  if (first.from !== null) {
    unpaired(`came to ${first.server} from an unknown ${first.from}`);
  }
  if (last.to !== null) {
    const end = last.to === undefined ? 'never left it' : `left it for an unknown ${last.to}`;
    unpaired(`came to ${last.server} and ${end}`);
  }
  for (const [index, stop] of path.entries()) {
    const next = path[index + 1];
    if (next && (next.from !== stop.server || !leftFor(stop, path.slice(index + 1)))) {
      const { server, to } = stop;
      unpaired(`left ${server} for ${to}, came to ${next.server} from ${next.from}`);
    }
    if (stop.connectionId !== (connectionId ?? first.connectionId)) {
      const names = `${connectionId ?? first.connectionId}, on ${stop.server} ${stop.connectionId}`;
      count(verdict, 'renamed', `${label}: was ${names}`);
    }
  }
  verdict.moves += path.slice(1).filter(({ from }) => from !== null).length;
}

/** A killed server tells nothing; a frozen one learns later, from where the connection is then. */
function leftFor({ to, outage }: Stop, later: readonly Stop[]): boolean {
  if (outage?.to === Infinity) {
    return to === undefined || to === later[0]!.server;
  }
  return outage ? later.some(({ server }) => server === to) : to === later[0]!.server;
}

function isHit({ server, openedAt, closedAt = Infinity }: VisitRecord, outage: Outage): boolean {
  return server === outage.server && openedAt <= outage.to && closedAt >= outage.from;
}
