import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sizeOf } from './support/fleet-under-faults.js';

const main = fileURLToPath(
  new URL('../../.build/sample/04-stateful-export/src/main.js', import.meta.url),
);
const deploys = sizeOf('E2E_EXPORT_DEPLOYS', 4);
const kills = sizeOf('E2E_EXPORT_KILLS', 2);
const clients = sizeOf('E2E_EXPORT_CLIENTS', 6);
/** Smaller than the sample's own, so that the last exports do not take long. */
const rows = sizeOf('E2E_EXPORT_ROWS', 4000);

/** Plays sample 04, which judges by what its clients saw. */
async function play(): Promise<Record<string, number>> {
  const size = Object.entries({ deploys, kills, clients, rows });
  const args = size.flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [main, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    // It ends the servers that it started.
    child.kill('SIGTERM');
    await exited;
  });
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exited;
  if (code !== 0) throw new Error(`exit code ${code}: ${complaints}${output}`);
  if (process.env.E2E_EXPORT_DEPLOYS) console.log(output);
  return JSON.parse(output) as Record<string, number>;
}

describe(`exports during ${deploys} deploys and ${kills} kills`, () => {
  it('go on at the next server without a gap, and what is cancelled is answered once', async () => {
    const result = await play();
    expect(result).toMatchObject({
      gaps: 0,
      repeatsOnDeploys: 0,
      repeatsBelowCheckpoint: 0,
      unanswered: 0,
      answeredTwice: 0,
      wrongAnswers: 0,
      late: 0,
      unexpectedCloses: 0,
      problems: [],
      converted: deploys > 1 ? clients : 0,
    });
    expect(result.exports).toBeGreaterThanOrEqual(clients);
    expect(result.continued).toBeGreaterThan(0);
    expect(result.cancelsDuringMoves).toBeGreaterThan(0);
    expect(result.takenOver).toBeGreaterThan(0);
  });
});
