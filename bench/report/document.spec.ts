import { describe, expect, it } from 'vitest';
import { withResult } from './document.js';

const document = (result: string) =>
  `# Title\n\n<!-- bench: written by npm run bench -- --write -->\n\n${result}\n\n<!-- bench: end -->\n\nText\n`;

describe('withResult', () => {
  it('replaces what is between the marks', () => {
    expect(withResult(document('old'), 'new')).toBe(document('new'));
  });

  it('refuses a document without them', () => {
    expect(() => withResult('# Title', 'new')).toThrow('there is no');
  });
});
