import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensureDebianPackages, main, root, setUp } from './set-up.mjs';

function count({ testResults }) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const file of testResults) {
    const statuses = file.assertionResults.map(({ status }) => status);
    for (const status of statuses) {
      totals[status === 'passed' || status === 'failed' ? status : 'skipped'] += 1;
    }
    // A file that could not be loaded, or whose hook failed, has no failed test of its own.
    if (file.status === 'failed' && !statuses.includes('failed')) totals.failed += 1;
  }
  return totals;
}

function runTests(args, report) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const totals = existsSync(report)
    ? count(JSON.parse(readFileSync(report, 'utf8')))
    : { passed: 0, failed: 0, skipped: 0 };
  if (status !== 0 && totals.failed === 0 && totals.passed > 0) {
    console.error('error: the test runner failed outside of a test, see above');
    totals.failed = 1;
  }
  return totals;
}

await main(() => {
  setUp();
  ensureDebianPackages();
  build();
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-ws-migration-'));
  try {
    const { passed, failed, skipped } = runTests(
      process.argv.slice(2),
      join(folder, 'report.json'),
    );
    if (passed + failed === 0) console.error('error: no test was run');
    if (failed > 0 || passed === 0) process.exitCode = 1;
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
