import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cores } from './cores.js';
import { findProgram, type Program } from './subjects/programs.js';

/** Folder of the repository, from the compiled file in `.build/bench`. */
export const root = new URL('../../', import.meta.url);

const PACKAGES = [
  '@nestjs/core',
  '@nestjs/websockets',
  '@nestjs/platform-ws',
  'ws',
  'socket.io',
  '@socket.io/redis-streams-adapter',
];
const VERSION_OPTIONS: Record<Program, string> = {
  nginx: '-v',
  haproxy: '-v',
  'redis-server': '--version',
};

/** Machine, versions and circumstances, one a line. */
export function describeMachine({ servers, generator, notPinned }: Cores): string[] {
  const cores = cpus();
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1);
  const programs = (Object.keys(VERSION_OPTIONS) as Program[]).flatMap(programVersion);
  return [
    `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown CPU'}, ${gigabytes} GiB, ${type()} ${release()}`,
    [`Node.js ${process.versions.node}`, ...PACKAGES.map(packageVersion), ...programs].join(', '),
    notPinned === undefined
      ? `all servers of a subject on core ${servers}, the load generator on core ${generator}`
      : `not pinned to cores: ${notPinned}`,
    `load average at the start: ${loadavg()[0]!.toFixed(1)}`,
  ];
}

function packageVersion(name: string): string {
  const path = fileURLToPath(new URL(`node_modules/${name}/package.json`, root));
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return `${name} ${version}`;
}

function programVersion(program: Program): string[] {
  const path = findProgram(program);
  if (!path) return [];
  const { stdout, stderr } = spawnSync(path, [VERSION_OPTIONS[program]], { encoding: 'utf8' });
  return [`${program} ${/\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? ''}`];
}
