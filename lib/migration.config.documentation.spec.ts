import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPTION_READINGS, variableOf } from './migration.config.js';
import { optionPaths, readOptions, resolveOptions } from './options/index.js';

const DOCUMENT = readFileSync(new URL('../docs/options.md', import.meta.url), 'utf8');
const ROWS = new Map(
  DOCUMENT.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, option = '', ...cells]) => [option.replaceAll('`', ''), cells]),
);

describe('docs/options.md', () => {
  it('has a row for every option, in order, and for nothing else', () => {
    expect([...ROWS.keys()]).toEqual(optionPaths());
  });

  it.each(optionPaths())('tells the variable, default and accepted values of %s', (path) => {
    const [variable, standard, accepted, meaning] = ROWS.get(path) ?? [];
    const inCode = OPTION_READINGS[path] === 'codeOnly';
    expect(variable).toBe(inCode ? '–' : `\`${variableOf(path)}\``);
    expect(standard).toBe(defaultOf(path));
    expect(accepted).toBe(acceptedBy(path));
    expect(meaning).not.toBe('');
  });
});

function defaultOf(path: string): string {
  if (path === 'hub.serverName') {
    return "the machine's host name";
  }
  const value = path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], resolveOptions({}));
  if (value === undefined) {
    return '–';
  }
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${JSON.stringify(value)}\``;
}

function acceptedBy(path: string): string | undefined {
  const [section = '', name] = path.split('.');
  const wrong = Symbol('wrong');
  const { problems } = readOptions({ [section]: name === undefined ? wrong : { [name]: wrong } });
  return /^must be (.*) \(got a symbol\)$/.exec(problems[0]?.text ?? '')?.[1];
}
