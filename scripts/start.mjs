import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './set-up.mjs';

/** `npm start -- <project>` runs a project of nest-cli.json. */
const { projects } = JSON.parse(readFileSync(join(root, 'nest-cli.json'), 'utf8'));
const project = projects[process.argv[2]];
if (project) {
  process.argv[2] = project.sourceRoot;
  await import('./run.mjs');
} else {
  console.error(`usage: npm start -- ${Object.keys(projects).join(' | ')}`);
  process.exitCode = 2;
}
