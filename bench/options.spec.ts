import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from './options.js';

describe('parseOptions', () => {
  it('has defaults', () => {
    expect(parseOptions([])).toEqual({
      runs: 5,
      seconds: 3,
      quick: false,
      write: false,
      check: false,
      steer: false,
    });
  });

  it('measures some scenarios and subjects', () => {
    const args = '--runs 2 --seconds=0.5 --scenario echo16,memory --subject split --profile out';
    expect(parseOptions(args.split(' '))).toMatchObject({
      runs: 2,
      seconds: 0.5,
      scenarios: ['echo16', 'memory'],
      subjects: ['split'],
      profile: 'out',
    });
  });

  it('is quick where nothing else is said', () => {
    expect(parseOptions(['--quick'])).toMatchObject({ quick: true, runs: 1, seconds: 1 });
    expect(parseOptions(['--quick', '--runs', '2', '--check'])).toMatchObject({
      runs: 2,
      seconds: 1,
      check: true,
    });
  });

  it('asks for help', () => {
    expect(parseOptions(['--runs', 'x', '--help'])).toBe('help');
  });

  it.each([
    ['--quick'],
    ['--check'],
    ['--scenario', 'echo1'],
    ['--subject', 'split'],
    ['--steer'],
    ['--profile', 'out'],
  ])('does not write what is not complete: %s', (...args) => {
    expect(() => parseOptions(['--write', ...args])).toThrow('--write is for all');
  });

  it.each([['--steer'], ['--profile', 'out']])(
    'does not compare what is not alike: %s',
    (...args) => {
      expect(() => parseOptions(['--check', ...args])).toThrow('--check is without');
    },
  );

  it.each([
    ['--runs', '0'],
    ['--runs', '1.5'],
    ['--seconds', '0'],
    ['--seconds', '21'],
    ['--profile', ''],
    ['--scenario', 'echo2'],
    ['--scenario', 'echo1,'],
    ['--subject', 'nest'],
    ['--client', '5'],
    ['5', '6'],
  ])('refuses %s %s', (name, value) => {
    expect(() => parseOptions([name, value])).toThrow(UsageError);
  });
});
