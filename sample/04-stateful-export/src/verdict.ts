import type { ExportClient } from './export-client.js';
import type { ExportFaults } from './export-record.js';

/** What all clients saw. */
export interface Verdict extends ExportFaults {
  exports: number;
  rows: number;
  /** Times that another server went on with an export in the middle. */
  continued: number;
  /** Rows that came again after kills, above the last checkpoint. */
  repeatsAfterKills: number;
  cancels: number;
  /** Cancellations that were on their way while their connection moved. */
  cancelsDuringMoves: number;
  unanswered: number;
  increments: number;
  /** Increments that came again after kills, and were not counted again. */
  recounted: number;
  /** Times that a client arrived at another hub server. */
  moves: number;
  /** Those from a server that was lost. */
  takenOver: number;
  /** Clients whose state a newer release has converted. */
  converted: number;
  unexpectedCloses: number;
  /** Other things that are not as they should be, in words. */
  problems: string[];
  /** More about what is counted above, in words. */
  examples: string[];
}

const FAULTS: readonly (keyof ExportFaults)[] = [
  'gaps',
  'repeatsOnDeploys',
  'repeatsBelowCheckpoint',
  'late',
  'wrongAnswers',
  'answeredTwice',
];

export function judge(clients: readonly ExportClient[]): Verdict {
  const records = clients.flatMap((client) => [...client.exports.values()]);
  const stays = clients.map((client) => client.stays);
  const faults = Object.fromEntries(
    FAULTS.map((name) => [name, sum(records, (record) => record.faults[name])]),
  ) as Record<keyof ExportFaults, number>;
  return {
    ...faults,
    exports: records.filter(({ ended }) => ended).length,
    rows: sum(records, ({ highest }) => highest),
    continued: sum(records, ({ continued }) => continued),
    repeatsAfterKills: sum(records, (record) => record.repeatsAfterKills),
    cancels: records.filter(({ cancelSent }) => cancelSent).length,
    cancelsDuringMoves: sum(clients, (client) => client.cancelsDuringMoves),
    unanswered: records.filter(({ cancelSent, cancelAnswered }) => cancelSent && !cancelAnswered)
      .length,
    increments: sum(clients, ({ counted }) => counted),
    recounted: sum(clients, ({ recounted }) => recounted),
    moves: sum(stays, ({ length }) => Math.max(0, length - 1)),
    takenOver: stays.flat().filter(({ reason }) => reason === 'crash').length,
    converted: stays.filter(
      (stay) => stay.at(0)?.stateVersion === 1 && stay.at(-1)?.stateVersion === 2,
    ).length,
    unexpectedCloses: clients.filter(({ closedByServer }) => closedByServer).length,
    problems: clients.flatMap(({ problems }) => problems),
    examples: clients.flatMap(({ examples }) => examples),
  };
}

/** True when nothing happened that is not promised. */
export function isClean(verdict: Verdict): boolean {
  const faults = sum(FAULTS, (name) => verdict[name]);
  return faults + verdict.unanswered + verdict.unexpectedCloses + verdict.problems.length === 0;
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0);
}
