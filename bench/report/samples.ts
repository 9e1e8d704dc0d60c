import type { Values } from '../scenarios/measures.js';
import type { ScenarioId } from '../scenarios/scenarios.js';
import type { SubjectId } from '../subjects/subjects.js';

/** One measurement. */
export interface Sample {
  readonly run: number;
  readonly scenario: ScenarioId;
  readonly subject: SubjectId;
  readonly values: Values;
  /** Why there are no values. */
  readonly failure?: string;
}
