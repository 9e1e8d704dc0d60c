import { NumberSet } from './number-set.js';

/** Something that can happen next. */
export interface Choice {
  readonly name: string;
  /**
   * - `step`: must happen at some time; how long it is kept waiting is what is searched.
   * - `act`: the world around does something, at whatever time; must happen, too.
   * - `option`: may happen or not.
   */
  readonly kind: 'step' | 'act' | 'option';
  perform(): void;
}

/** What is searched: made anew for each execution, the same for the same choices. */
export interface Model {
  readonly violations: readonly string[];
  /** What the violations are grouped by. */
  readonly scene: string;
  /** How this execution ended, for counting. */
  readonly outcome: string;
  /** In a fixed order. The first is what happens unless something else is chosen. */
  choices(): Choice[];
  fingerprint(): number;
  /** There is nothing left that must happen: goes on to the end and judges. */
  finish(): void;
}

export interface Finding {
  violation: string;
  /** Executions that showed it. */
  count: number;
  /** Indices of the choices of the first, which deviates from the first choice least often. */
  path: number[];
  deviations: number;
}

export interface SearchResult {
  executions: number;
  states: number;
  steps: number;
  longest: number;
  /** Whether something was left out, because of the bound or because of `isOver`. */
  left: 'nothing' | 'deviations' | 'more';
  outcomes: Map<string, number>;
  findings: Map<string, Finding>;
}

export interface SearchLimits {
  /** How often an execution may deviate from the first choice; `act` and `option` do not count. */
  deviations: number;
  /** @returns true to stop */
  isOver?: (result: SearchResult) => boolean;
}

const MAX_STEPS = 500;

/** Executions up to a point: each goes on from another one by one choice. Known by their indices. */
class Prefixes {
  private readonly parents: number[] = [-1];
  private readonly choices: number[] = [-1];

  add(parent: number, choice: number): number {
    this.parents.push(parent);
    return this.choices.push(choice) - 1;
  }

  path(prefix: number): number[] {
    const path: number[] = [];
    for (let at = prefix; at > 0; at = this.parents[at]!) path.push(this.choices[at]!);
    return path.toReversed();
  }
}

const mustHappen = ({ kind }: Choice) => kind !== 'option';

/**
 * Visits each state that can be reached, those with the fewest deviations first. A state that was
 * visited is not gone on from again: it has been with as few deviations or fewer.
 */
class Search {
  readonly result: SearchResult = {
    executions: 0,
    states: 0,
    steps: 0,
    longest: 0,
    left: 'nothing',
    outcomes: new Map(),
    findings: new Map(),
  };
  private readonly visited = new NumberSet();
  private readonly prefixes = new Prefixes();
  /** Prefixes to go on from, by their deviations. */
  private readonly open: number[][] = [[0]];

  constructor(
    private readonly newModel: () => Model,
    private readonly limits: SearchLimits,
  ) {}

  run(): SearchResult {
    const { isOver = () => false } = this.limits;
    for (let deviations = 0; deviations < this.open.length; deviations++) {
      if (deviations > this.limits.deviations) {
        this.result.left = 'deviations';
        break;
      }
      const prefixes = this.open[deviations]!;
      while (prefixes.length > 0) {
        this.execute(prefixes.pop()!, deviations);
        if (!isOver(this.result)) continue;
        this.result.left = 'more';
        return this.result;
      }
    }
    return this.result;
  }

  private execute(start: number, deviations: number) {
    const { result, visited } = this;
    const model = this.newModel();
    const path = this.prefixes.path(start);
    for (const index of path) model.choices()[index]!.perform();
    result.executions++;
    result.steps += path.length;
    let prefix = start;
    let depth = path.length;
    for (; depth < MAX_STEPS && model.violations.length === 0; depth++) {
      if (!visited.add(model.fingerprint())) return;
      result.states++;
      const choices = model.choices();
      const usual = choices.findIndex(mustHappen);
      this.branch(choices, usual, prefix, deviations);
      if (usual < 0) {
        model.finish();
        break;
      }
      choices[usual]!.perform();
      result.steps++;
      prefix = this.prefixes.add(prefix, usual);
    }
    result.longest = Math.max(result.longest, depth);
    const { outcomes } = result;
    outcomes.set(model.outcome, (outcomes.get(model.outcome) ?? 0) + 1);
    if (depth === MAX_STEPS) this.found(model, 'it does not come to rest', prefix, deviations);
    for (const violation of new Set(model.violations)) {
      this.found(model, violation, prefix, deviations);
    }
  }

  private branch(choices: Choice[], usual: number, prefix: number, deviations: number) {
    for (const [choice, { kind }] of choices.entries()) {
      if (choice === usual) continue;
      const cost = kind === 'step' ? 1 : 0;
      (this.open[deviations + cost] ??= []).push(this.prefixes.add(prefix, choice));
    }
  }

  private found(model: Model, what: string, prefix: number, deviations: number) {
    const violation = `${model.scene}: ${what}`;
    const known = this.result.findings.get(violation);
    if (known) known.count++;
    else {
      const path = this.prefixes.path(prefix);
      this.result.findings.set(violation, { violation, count: 1, path, deviations });
    }
  }
}

export function search(newModel: () => Model, limits: SearchLimits): SearchResult {
  return new Search(newModel, limits).run();
}
