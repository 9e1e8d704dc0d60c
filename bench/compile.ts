import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './machine.js';

/**
 * Compiles a program of one file.
 * @param source from the root of the project, without `.c`
 * @returns its path
 * @throws Error that says why it cannot be compiled
 */
export function compile(source: string): string {
  const binary = fileURLToPath(new URL(`.build/${source}`, root));
  mkdirSync(dirname(binary), { recursive: true });
  const fresh = `${binary}-${process.pid}`;
  const file = fileURLToPath(new URL(`${source}.c`, root));
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-o', fresh, file]);
  if (error) throw new Error('there is no C compiler');
  if (status !== 0) throw new Error(`cc failed: ${String(stderr).split('\n', 1)[0]}`);
  renameSync(fresh, binary);
  return binary;
}
