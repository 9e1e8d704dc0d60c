import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from './options.js';

describe('parseOptions', () => {
  it('has defaults', () => {
    expect(parseOptions([])).toEqual({ runs: 3, seconds: 3, clients: 500, write: false });
  });

  it('reads every option', () => {
    const args = '--runs 5 --seconds=0.5 --clients 1000 --write'.split(' ');
    expect(parseOptions(args)).toEqual({
      runs: 5,
      seconds: 0.5,
      clients: 1000,
      write: true,
    });
  });

  it('measures one scenario and takes profiles, but not for the document', () => {
    const args = ['--scenario', 'echo16', '--profile', 'out'];
    expect(parseOptions(args)).toMatchObject({ scenario: 'echo16', profile: 'out' });
    expect(() => parseOptions([...args, '--write'])).toThrow('--write is for all scenarios');
  });

  it('is quick where nothing else is said', () => {
    expect(parseOptions(['--quick'])).toMatchObject({ runs: 1, seconds: 1 });
    expect(parseOptions(['--quick', '--runs', '2'])).toMatchObject({ runs: 2, seconds: 1 });
  });

  it('asks for help', () => {
    expect(parseOptions(['--runs', 'x', '--help'])).toBe('help');
  });

  it.each([
    ['--runs', '0'],
    ['--runs', '1.5'],
    ['--seconds', '0'],
    ['--seconds', '21'],
    ['--clients', '99'],
    ['--clients', '0x10'],
    ['--profile', ''],
    ['--scenario', 'echo2'],
    ['--client', '5'],
    ['5', '6'],
  ])('refuses %s %s', (name, value) => {
    expect(() => parseOptions([name, value])).toThrow(UsageError);
  });
});
