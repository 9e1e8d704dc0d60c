import { OTHER_FILES } from '../open-files.js';
import type { Subject } from '../subjects/subjects.js';
import type { Scenario } from './scenarios.js';

/** How many clients a measurement has, and what serves and makes them. */
export interface Topology {
  readonly clients: number;
  /** Processes that clients connect to, where a subject can have several. */
  readonly relays: number;
  /** Load generators, all on the same core. */
  readonly generators: number;
}

/** More than the load generator has ports for. */
const MOST_PROCESSES = 8;

/**
 * The processes that a scenario takes.
 * @param maxFiles files that each of them may have open
 * @returns undefined where that is too few
 */
export function topologyOf(
  { clients, adapts, relaysFor }: Pick<Scenario, 'clients' | 'adapts' | 'relaysFor'>,
  { filesPerClient, scalesOut }: Pick<Subject, 'filesPerClient' | 'scalesOut'>,
  maxFiles: number,
): Topology | undefined {
  const files = maxFiles - OTHER_FILES;
  const most = Math.floor(files / filesPerClient);
  const atLeastOne = (wanted: number, each: number) => Math.max(1, Math.ceil(wanted / each));
  if (scalesOut && relaysFor !== undefined) {
    const relays = atLeastOne(relaysFor, most);
    if (relays <= MOST_PROCESSES) {
      return { clients, relays, generators: atLeastOne(clients, files) };
    }
  }
  if (clients <= most) return { clients, relays: 1, generators: 1 };
  if (!adapts || most < 1000) return undefined;
  return { clients: Math.floor(most / 1000) * 1000, relays: 1, generators: 1 };
}
