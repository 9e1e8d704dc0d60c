import { crossCheck } from './cross-checks.js';
import { InvalidMigrationOptionsError } from './invalid-migration-options.error.js';
import type { MigrationOptions, ResolvedOptions } from './migration.options.js';
import { readOptions } from './read-options.js';

/**
 * Validates options and adds every default.
 *
 * @throws InvalidMigrationOptionsError which names every wrong value
 */
export function resolveOptions(input: MigrationOptions | undefined): ResolvedOptions {
  const { options, problems } = readOptions(input);
  const all = [...problems, ...crossCheck(options, problems)];
  if (all.length > 0) {
    throw new InvalidMigrationOptionsError(all);
  }
  return freeze(options);
}

function freeze(options: ResolvedOptions): ResolvedOptions {
  for (const section of Object.values(options)) {
    if (typeof section === 'object') {
      Object.values(section).filter(Array.isArray).forEach(Object.freeze);
      Object.freeze(section);
    }
  }
  return Object.freeze(options);
}
