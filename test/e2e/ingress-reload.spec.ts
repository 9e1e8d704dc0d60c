import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sizeOf } from './support/fleet-under-faults.js';

const main = fileURLToPath(
  new URL('../../.build/sample/03-ingress-reload/src/main.js', import.meta.url),
);
const clients = sizeOf('E2E_FAULTS_CLIENTS', 100);
const reloads = sizeOf('E2E_INGRESS_RELOADS', 4);

interface Result {
  sent: number;
  received: number;
  reloads: { moved: number; linksAtReload: number; rebound: number }[];
}

/** Plays sample 03 with real proxies; it judges by the ledgers of clients and gateways. */
async function play(...args: string[]): Promise<Result> {
  const size = ['--reloads', String(reloads), '--clients', String(clients)];
  const child = spawn(process.execPath, [main, ...size, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    // It ends the proxies and servers that it started.
    child.kill('SIGTERM');
    await exited;
  });
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exited;
  if (code !== 0) throw new Error(`exit code ${code}: ${complaints}`);
  if (process.env.E2E_INGRESS_RELOADS) console.log(output);
  return JSON.parse(output) as Result;
}

function expectUnharmed(result: Result): void {
  const nothing = { lost: 0, duplicated: 0, outOfOrder: 0, unexpectedCloses: 0 };
  expect(result).toMatchObject({ ...nothing, clients });
  expect(result.sent).toBeGreaterThan(0);
  expect(result.received).toBe(result.sent);
  expect(result.reloads.length).toBe(reloads);
}

describe.each(['nginx', 'haproxy', 'haproxy-proxy-protocol'])(
  `${reloads} real reloads of %s between hub servers and relay`,
  (proxy) => {
    it('announced: links leave first, and none is cut', async () => {
      const result = await play('--proxy', proxy);
      expectUnharmed(result);
      for (const { linksAtReload, rebound } of result.reloads) {
        expect([linksAtReload, rebound]).toEqual([0, 0]);
      }
      // From the second on, all links are where the reload before has sent them.
      for (const { moved } of result.reloads.slice(1)) expect(moved).toBe(clients);
    });
  },
);

describe.each(['nginx', 'haproxy'])(
  `${reloads} real reloads of %s that the relay is not told of`,
  (proxy) => {
    it('cut links, which are rebound: no client notices', async () => {
      const result = await play('--proxy', proxy, '--surprise');
      expectUnharmed(result);
      for (const { linksAtReload, rebound } of result.reloads) expect(rebound).toBe(linksAtReload);
      expect(result.reloads.some(({ rebound }) => rebound > 0)).toBe(true);
    });
  },
);
