import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { main, root, run, setUp } from './set-up.mjs';

const tsc = 'node_modules/typescript/bin/tsc';
const configs = ['package.json', 'package-lock.json', 'tsconfig.json'];
const library = { outDir: 'dist', config: 'tsconfig.build.json', sources: ['lib'] };
const tools = {
  outDir: '.build',
  config: 'tsconfig.tools.json',
  sources: ['lib', 'sample', 'demo', 'bench', 'test'],
};

function newest(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  // A folder's own time shows that a file in it was removed.
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isCurrent({ outDir, config, sources }) {
  if (!existsSync(join(root, outDir))) return false;
  const built = statSync(join(root, outDir)).mtimeMs;
  return [...configs, config, ...sources].every((path) => newest(join(root, path)) < built);
}

/** Compiles beside the old output and swaps, so that a running process never misses a file. */
function compile({ outDir, config, sources }) {
  if (!sources.some((folder) => existsSync(join(root, folder)))) return;
  const started = new Date();
  const fresh = `.${outDir.replace('.', '')}-${process.pid}`;
  const stale = `${fresh}-old`;
  try {
    run(process.execPath, [tsc, '-p', config, '--outDir', fresh]);
    utimesSync(join(root, fresh), started, started);
    if (existsSync(join(root, outDir))) renameSync(join(root, outDir), join(root, stale));
    renameSync(join(root, fresh), join(root, outDir));
  } finally {
    for (const folder of [fresh, stale])
      rmSync(join(root, folder), { recursive: true, force: true });
  }
}

/** Compiles lib to dist, and everything else that runs outside of the tests to .build. */
export function build({ onlyLibrary = false } = {}) {
  for (const target of onlyLibrary ? [library] : [library, tools]) {
    if (!isCurrent(target)) compile(target);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(() => {
    setUp();
    build({ onlyLibrary: process.argv.includes('--lib') });
  });
}
