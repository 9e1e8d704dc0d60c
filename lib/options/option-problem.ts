/**
 * One wrong value.
 *
 * @publicApi
 */
export interface OptionProblem {
  /** Where it is: `relay.maxConnections`, `hub.relays[1]` or the name of a variable. */
  readonly path: string;
  /** What is wrong with it and what is accepted. Never holds the value of a secret or key. */
  readonly text: string;
}
