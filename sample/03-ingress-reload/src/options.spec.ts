import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from './options.js';

describe('parseOptions', () => {
  it('has defaults', () => {
    const defaults = { reloads: 6, clients: 100, seed: 1, json: false };
    expect(parseOptions([])).toEqual({ flavour: 'nginx', surprise: false, ...defaults });
  });

  it('reads every option, after a second "--" too', () => {
    const args = '--proxy haproxy --surprise --reloads 20 --clients=10 --seed 7 --json'.split(' ');
    const options = {
      flavour: 'haproxy',
      surprise: true,
      reloads: 20,
      clients: 10,
      seed: 7,
      json: true,
    };
    expect(parseOptions(args)).toEqual(options);
    expect(parseOptions(['--', ...args])).toEqual(options);
  });

  it('asks for help', () => {
    expect(parseOptions(['--help', '--reloads', 'x'])).toBe('help');
  });

  it.each([
    ['--proxy', 'traefik'],
    ['--reloads', '0'],
    ['--clients', '1'],
    ['--client', '5'],
    ['5', '6'],
  ])('refuses %s %s', (name, value) => {
    expect(() => parseOptions([name, value])).toThrow(UsageError);
  });
});
