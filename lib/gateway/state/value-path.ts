import { quote } from '../../options/describe-value.js';

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,59}$/u;
/** Shown of a path that is longer: its beginning and its end. */
const LONGEST_PART = 150;

/** A property, an index, or the key of a Map. */
export type Step = string | number | { readonly key: unknown };

/** Where something is in a tree: `state.members[2].address`, made into text only when it is needed. */
export class ValuePath {
  private readonly steps: Step[] = [];

  constructor(private readonly root: string) {}

  enter(step: Step): void {
    this.steps.push(step);
  }

  leave(): void {
    this.steps.pop();
  }

  toString(): string {
    const path = this.root + this.steps.map(show).join('');
    if (path.length <= 2 * LONGEST_PART) return path;
    return `${path.slice(0, LONGEST_PART)}…${path.slice(-LONGEST_PART)}`;
  }
}

function show(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'string') return IDENTIFIER.test(step) ? `.${step}` : `[${quote(step)}]`;
  const { key } = step;
  if (typeof key === 'string') return `.get(${quote(key)})`;
  return typeof key === 'number' ? `.get(${key})` : '.get(…)';
}
