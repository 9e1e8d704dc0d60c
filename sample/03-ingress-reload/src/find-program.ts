import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = { nginx: 'nginx-light', haproxy: 'haproxy' };

/** @throws when it is not installed, with what to do */
export function findProgram(name: keyof typeof PACKAGES): string {
  // Debian has it where only the administrator's PATH leads.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const found = folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
  if (!found) {
    const install = `sudo apt-get install --no-install-recommends ${PACKAGES[name]}`;
    throw new Error(`${name} is not installed; on Debian and Ubuntu: ${install}`);
  }
  return found;
}
