import { SUBJECTS } from '../subjects/subjects.js';
import { nameOf, type Row } from './rows.js';

/** A ratio that has become less by more than this fails the check. */
export const MAX_DROP = 0.15;

/** The results in the repository. */
export interface Baseline {
  readonly date: string;
  readonly machine: readonly string[];
  readonly rows: readonly Row[];
}

export interface CheckResult {
  /** How many ratios were compared. */
  readonly compared: number;
  /** Ratios that have dropped, and those that cannot be compared any more. */
  readonly drops: readonly string[];
}

/**
 * Compares the ratios of the library's own subjects with those in the repository.
 * @param expected scenarios and subjects that were to be measured
 */
export function checkRatios(
  rows: readonly Row[],
  baseline: Baseline,
  expected: (row: Pick<Row, 'scenario' | 'subject'>) => boolean,
): CheckResult {
  const ours = SUBJECTS.filter(({ isOurs }) => isOurs).map(({ id }) => id);
  const wanted = baseline.rows.filter(
    (row) => ours.includes(row.subject) && row.ratio !== undefined && expected(row),
  );
  const drops = wanted.flatMap((before) => {
    const now = rows.find(
      ({ scenario, subject }) => scenario === before.scenario && subject === before.subject,
    );
    const drop = dropOf(before.ratio!.median, now?.ratio?.median);
    return drop === undefined ? [] : [`${before.scenario}, ${nameOf(before.subject)}: ${drop}`];
  });
  return { compared: wanted.length, drops };
}

function dropOf(before: number, now: number | undefined): string | undefined {
  if (now === undefined) return `no ratio, where the baseline has ${before.toFixed(2)}`;
  const drop = 1 - now / before;
  if (drop <= MAX_DROP) return undefined;
  return `ratio ${now.toFixed(2)}, ${Math.round(drop * 100)} % below ${before.toFixed(2)}`;
}
