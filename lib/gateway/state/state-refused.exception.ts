/**
 * Why a state was refused.
 * @publicApi
 */
export type StateRefusal = 'newerVersion' | 'upgradeFailed' | 'invalid' | 'malformed';

const LONGEST_MESSAGE = 900;
const MOST_ERRORS = 50;

const bounded = (text: string, length: number) =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** What arrives may have been made up: a log line stays one line. */
const oneLine = (text: string) => text.replace(/\p{Cc}+/gu, ' ');

/**
 * The state of a connection cannot be taken over by this server. The connection stays where it is.
 * The message has at most 900 characters.
 *
 * | `code` | the state |
 * |---|---|
 * | `newerVersion` | has a version above that of `@Migratable({ version })` |
 * | `upgradeFailed` | is older, and a function of `@Migratable({ upgrade })` threw or returned no object |
 * | `invalid` | has fields that class-validator or the class itself refuses, or instances of unknown classes |
 * | `malformed` | is nothing that this library encodes |
 *
 * @publicApi
 */
export class StateRefusedException extends Error {
  override readonly name = 'StateRefusedException';
  /** One text per fault, such as `members.0.name: must be a string`; at most 50. */
  readonly errors: readonly string[];

  constructor(
    readonly code: StateRefusal,
    what: string,
    errors: readonly string[] = [],
  ) {
    const shown = errors.slice(0, MOST_ERRORS).map((it) => bounded(oneLine(it), LONGEST_MESSAGE));
    const text = oneLine(shown.length > 0 ? `${what}: ${shown.join('; ')}` : what);
    super(bounded(text, LONGEST_MESSAGE));
    this.errors = shown;
  }
}
