import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Cores } from './cores.js';

/** Folder of the repository, from the compiled file in `.build/bench`. */
export const root = new URL('../../', import.meta.url);

const PACKAGES = ['@nestjs/core', '@nestjs/websockets', '@nestjs/platform-ws', 'ws'];

/** Machine, versions and circumstances, one a line. */
export function describeMachine({ servers, generator, notPinned }: Cores): string[] {
  const cores = cpus();
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1);
  return [
    `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown CPU'}, ${gigabytes} GiB, ${type()} ${release()}`,
    `Node.js ${process.versions.node}, ${PACKAGES.map(versionOf).join(', ')}`,
    notPinned === undefined
      ? `all servers of a subject on core ${servers}, the load generator on core ${generator}`
      : `not pinned to cores: ${notPinned}`,
    `load average at the start: ${loadavg()[0]!.toFixed(1)}`,
  ];
}

function versionOf(name: string): string {
  const path = fileURLToPath(new URL(`node_modules/${name}/package.json`, root));
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return `${name} ${version}`;
}
