import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { main, root, setUp } from './set-up.mjs';

/** `node scripts/run.mjs <folder> [arguments]` runs <folder>/main.ts, on a fresh clone too. */
await main(async () => {
  const [folder, ...args] = process.argv.slice(2);
  setUp();
  build();
  const entry = join(root, '.build', folder ?? '', 'main.js');
  if (!existsSync(entry)) throw new Error(`there is no ${folder}/main.ts`);
  process.setSourceMapsEnabled(true);
  process.argv.splice(1, Infinity, entry, ...args);
  await import(pathToFileURL(entry).href);
});
