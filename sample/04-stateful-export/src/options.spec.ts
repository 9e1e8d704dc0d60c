import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from './options.js';

describe('parseOptions', () => {
  it('has defaults', () => {
    const defaults = { deploys: 4, kills: 2, clients: 10, rows: 10_000, json: false };
    expect(parseOptions([])).toEqual(defaults);
  });

  it('reads every option, after a second "--" too', () => {
    const args = '--deploys 20 --kills=10 --clients 3 --rows 5000 --json'.split(' ');
    const options = { deploys: 20, kills: 10, clients: 3, rows: 5000, json: true };
    expect(parseOptions(args)).toEqual(options);
    expect(parseOptions(['--', ...args])).toEqual(options);
  });

  it('asks for help', () => {
    expect(parseOptions(['--help', '--deploys', 'x'])).toBe('help');
  });

  it.each([
    ['--deploys', '-1'],
    ['--kills', 'many'],
    ['--clients', '0'],
    ['--rows', '10'],
    ['--deploy', '5'],
  ])('refuses %s %s', (name, value) => {
    expect(() => parseOptions([name, value])).toThrow(UsageError);
  });
});
