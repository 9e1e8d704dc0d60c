import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { HOST } from '../servers/started-server.js';

/** Programs that subjects need, with the Debian package that has them. */
export const PACKAGES = {
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  'redis-server': 'redis-server',
} as const;

export type Program = keyof typeof PACKAGES;

/** Where a program is; undefined when it is not installed. */
export function findProgram(program: Program): string | undefined {
  // Debian has some where only the administrator's PATH leads.
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

export function missingProgram(subject: string, program: Program): string {
  return `${subject} is left out, as there is no ${program}: apt-get install --no-install-recommends ${PACKAGES[program]}`;
}

/** A port for a program that cannot choose one by itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
