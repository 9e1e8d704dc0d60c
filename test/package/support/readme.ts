import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './consumer.js';

interface CodeBlock {
  language: string;
  code: string;
}

function blocksOf(text: string): CodeBlock[] {
  const fences = [...text.matchAll(/^( *)```(\w+)\n(.*?)^\1```/gms)];
  return fences.map(([, indent, language, code]) => ({
    language: language!,
    code: code!.replaceAll(new RegExp(`^${indent!}`, 'gm'), ''),
  }));
}

/** The code of a section of README.md, in order. */
function sectionOf(title: string): CodeBlock[] {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const [, section] = new RegExp(`^##+ ${title}\\n(.*?)^##`, 'ms').exec(text) ?? [];
  if (section === undefined) throw new Error(`README.md: there is no section "${title}"`);
  return blocksOf(section);
}

/** Examples that are whole files of a reader's app, by a name for each. */
export function readExamples(): Record<string, string> {
  const guide = blocksOf(readFileSync(join(root, 'docs/context.md'), 'utf8'));
  const examples = [...sectionOf('State and long work'), ...guide]
    .filter(({ language }) => language === 'ts')
    .map(({ code }, index): [string, string] => [`example-${index + 1}.ts`, code]);
  return Object.fromEntries(examples);
}

/** The three steps as a reader would take them. */
export function readSteps() {
  const all = sectionOf('Add it to your app');
  const modules = all.filter(({ language }) => language === 'ts').map(({ code }) => code);
  const install = all.find(({ code }) => code.startsWith('npm install '))?.code ?? '';
  const [importModule, split] = modules;
  if (!importModule || !split || !install)
    throw new Error('README.md: the three steps are not found');
  return { packages: install.trim().split(/\s+/).slice(2), importModule, split };
}

/** Names of the reader's own files, which ES modules import with an extension. */
export const withExtensions = (code: string): string =>
  code.replaceAll(/from '(\.\/[^']+?)(?:\.js)?'/g, "from '$1.js'");
