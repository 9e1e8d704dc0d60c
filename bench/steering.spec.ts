import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { change, steeringOf } from './steering.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'steering-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const setting = (name: string, value: string) => {
  writeFileSync(join(folder, name), `${value}\n`);
  return join(folder, name);
};
const read = (...files: string[]) => files.map((file) => readFileSync(file, 'utf8').trim());

describe('steering', () => {
  it('is for the cores of the servers and of the load generator', () => {
    const values = (servers: number, generator: number) =>
      steeringOf({ servers, generator }).map(([, value]) => value);
    expect(values(0, 1)).toEqual(['65536', '65536', '3']);
    expect(values(3, 4).at(-1)).toBe('18');
  });

  it('needs processes that stay on their cores', () => {
    const cores = { servers: undefined, generator: undefined, notPinned: 'there is no taskset' };
    expect(() => steeringOf(cores)).toThrow('pinned to cores: there is no taskset');
  });

  it('changes settings, and gives them back what they had, once', () => {
    const [a, b] = [setting('a', '0'), setting('b', '7')];
    const restore = change([
      [a, '1'],
      [b, '2'],
    ]);
    expect(read(a, b)).toEqual(['1', '2']);
    restore();
    expect(read(a, b)).toEqual(['0', '7']);
    writeFileSync(a, '5');
    restore();
    expect(read(a)).toEqual(['5']);
  });

  it('leaves all as it was when one cannot be changed, and names that', () => {
    const a = setting('a', '0');
    const missing = join(folder, 'missing');
    const attempt = () =>
      change([
        [a, '1'],
        [missing, '2'],
      ]);
    expect(attempt).toThrow(`--steer needs root, and cannot set ${missing}: ENOENT`);
    expect(read(a)).toEqual(['0']);
  });
});
