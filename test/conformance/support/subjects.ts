import { both } from './both.subject.js';
import { split } from './split.subject.js';
import { stock } from './stock.subject.js';
import type { Subject, SubjectName } from './subject.js';

const all: Record<SubjectName, Subject> = { stock, both, split };

/**
 * The one place that says which subjects the suite runs against. `CONFORMANCE_SUBJECTS` (comma
 * separated) overrides it, e.g. to run a single one while working on it.
 */
const enabled: SubjectName[] = ['stock', 'both', 'split'];

const chosen = process.env.CONFORMANCE_SUBJECTS?.split(',') ?? enabled;

export const subjects: Subject[] = chosen.map((name) => {
  const subject = all[name.trim() as SubjectName];
  if (!subject) {
    throw new Error(`unknown conformance subject "${name}", use ${Object.keys(all).join(', ')}`);
  }
  return subject;
});
