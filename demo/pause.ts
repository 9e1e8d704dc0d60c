/** One message of a client and the answer to it. Times in milliseconds on the client's clock. */
export interface RoundTrip {
  /** When the message's last fragment was handed to the socket. */
  sentAt: number;
  answeredAt: number;
  /** What the handler waited on purpose; no part of the round trip. */
  tookMs: number;
  server: string;
}

export interface Pauses {
  p50: number;
  p99: number;
  max: number;
}

const AROUND_MS = 1000;

/**
 * The pauses that one busy client saw: for each time that its answers began to come from another
 * server, the longest of the round trips that were under way within a second of that moment, minus
 * the median round trip of this client, never below 0.
 *
 * It is seen from the outside and so takes in everything: the migration, but also what the machine
 * did meanwhile, such as starting the next server. A pause that falls between two messages is not
 * seen; many clients at different moments make up for that in `max` and `p99` rather than in `p50`.
 */
export function pausesOf(roundTrips: readonly RoundTrip[]): number[] {
  const durations = roundTrips.map((trip) => trip.answeredAt - trip.sentAt - trip.tookMs);
  const median = percentile(durations, 50);
  const pauses: number[] = [];
  for (let index = 1; index < roundTrips.length; index += 1) {
    const current = roundTrips[index]!;
    if (current.server !== roundTrips[index - 1]!.server) {
      const near = durations.filter((_, other) => {
        const { sentAt, answeredAt } = roundTrips[other]!;
        const moved = current.answeredAt;
        return sentAt <= moved + AROUND_MS && answeredAt >= moved - AROUND_MS;
      });
      pauses.push(Math.max(0, Math.max(...near) - median));
    }
  }
  return pauses;
}

export function summarize(pauses: readonly number[]): Pauses {
  return {
    p50: round(percentile(pauses, 50)),
    p99: round(percentile(pauses, 99)),
    max: round(percentile(pauses, 100)),
  };
}

/** Nearest rank; 0 of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
