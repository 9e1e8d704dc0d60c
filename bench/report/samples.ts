import type { Values } from '../scenarios/measures.js';
import type { ScenarioId } from '../scenarios/scenarios.js';
import type { Topology } from '../scenarios/topology.js';
import type { SubjectId } from '../subjects/subjects.js';

/** One measurement. */
export interface Sample {
  readonly run: number;
  readonly scenario: ScenarioId;
  readonly subject: SubjectId;
  /** Undefined: not of interest. */
  readonly topology?: Topology;
  readonly values: Values;
  /** Why there are no values. */
  readonly failure?: string;
}
