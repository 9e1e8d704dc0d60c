import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from './options.js';

describe('parseOptions', () => {
  it('has defaults', () => {
    expect(parseOptions([])).toMatchObject({
      clients: 200,
      rolls: 3,
      rate: 5,
      mode: 'migrateClients',
      faults: false,
      json: false,
    });
  });

  it('reads every option', () => {
    const args = '--clients 1000 --rolls=10 --rate 0.5 --seed 7 --mode off --json'.split(' ');
    expect(parseOptions(args)).toEqual({
      clients: 1000,
      rolls: 10,
      rate: 0.5,
      seed: 7,
      mode: 'off',
      faults: false,
      json: true,
    });
  });

  it('allows faults in the mode that survives them', () => {
    expect(parseOptions(['--faults'])).toMatchObject({ mode: 'migrateClients', faults: true });
    expect(() => parseOptions(['--faults', '--mode', 'off'])).toThrow(UsageError);
  });

  it('asks for help', () => {
    expect(parseOptions(['--rolls', 'x', '--help'])).toBe('help');
  });

  it.each([
    ['--clients', '1'],
    ['--clients', '2.5'],
    ['--clients', ''],
    ['--clients', '0x10'],
    ['--rolls', 'many'],
    ['--rate', '0'],
    ['--seed', '-1'],
    ['--mode', 'on'],
    ['--client', '5'],
    ['5', '6'],
  ])('refuses %s %s', (name, value) => {
    expect(() => parseOptions([name, value])).toThrow(UsageError);
  });

  it('names the option and what is accepted', () => {
    expect(() => parseOptions(['--clients', '1'])).toThrow(
      '--clients must be a number from 2 to 20000, not "1"',
    );
  });
});
