import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the largest scenario wants of one process. */
const WANTED = 131_072;
/** Files that a process has open besides its clients. */
export const OTHER_FILES = 200;

/** How many files a process may have open; raised where that is allowed, for what is started too. */
export function raiseOpenFiles(): number {
  const limit = hardLimit();
  if (limit >= WANTED) return limit;
  spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${WANTED}:${WANTED}`]);
  return hardLimit();
}

function hardLimit(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return line?.[1] === 'unlimited' ? Infinity : Number(line?.[1]);
}
