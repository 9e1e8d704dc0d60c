import type { OptionProblem } from './option-problem.js';

/**
 * Thrown at start when options are wrong. The message names every wrong value, one per line.
 *
 * @publicApi
 */
export class InvalidMigrationOptionsError extends Error {
  override readonly name = 'InvalidMigrationOptionsError';

  constructor(readonly problems: readonly OptionProblem[]) {
    const lines = problems.map(({ path, text }) => `- ${path} ${text}`);
    super(['Invalid migration options:', ...lines].join('\n'));
  }
}
