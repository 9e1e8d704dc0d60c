import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Debian packages that tests need: `{ name: 'nginx-light', command: 'nginx' }`. */
export const debianPackages = [
  { name: 'nginx-light', command: 'nginx' },
  { name: 'haproxy', command: 'haproxy' },
  { name: 'redis-server', command: 'redis-server' },
];

const servicePolicy = '/usr/sbin/policy-rc.d';

/** Runs a command; its output goes to stderr, so that stdout stays the caller's own. */
export function run(command, args, { env = process.env } = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
  if (error) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`"${[command, ...args].join(' ')}" failed`);
}

/** True when node_modules holds exactly the versions of package-lock.json. */
export function dependenciesAreCurrent(folder = root) {
  const installed = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    return present[path] ? present[path].version === version : optional === true;
  });
}

function commandExists(command) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, command)));
}

/** Debian starts what it installs unless this file says no: tests start their own instances. */
function withoutServices(body) {
  if (existsSync(servicePolicy)) return body();
  writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return body();
  } finally {
    rmSync(servicePolicy, { force: true });
  }
}

/** Installs the packages whose command is absent, or says which ones to install. */
export function ensureDebianPackages(packages = debianPackages) {
  const missing = packages.filter(({ command }) => !commandExists(command)).map(({ name }) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !commandExists('apt-get')) {
    throw new Error(
      `these Debian packages are needed: ${missing.join(' ')}\n` +
        `install them: sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update'], { env });
  withoutServices(() =>
    run('apt-get', ['install', '-y', '--no-install-recommends', ...missing], { env }),
  );
}

/** A fresh clone becomes ready to build. Does nothing when it is. */
export function setUp() {
  if (!dependenciesAreCurrent()) run('npm', ['ci', '--no-audit', '--no-fund']);
}

/** The entry point of a script: an error becomes one clear line and exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
