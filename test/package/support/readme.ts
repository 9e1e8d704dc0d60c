import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './consumer.js';

interface CodeBlock {
  language: string;
  code: string;
}

/** The code of "Add it to your app", in order. */
function blocks(): CodeBlock[] {
  const [, section] = /^## Add it to your app\n(.*?)^## /ms.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  ) ?? ['', ''];
  const fences = [...section!.matchAll(/^( *)```(\w+)\n(.*?)^\1```/gms)];
  return fences.map(([, indent, language, code]) => ({
    language: language!,
    code: code!.replaceAll(new RegExp(`^${indent!}`, 'gm'), ''),
  }));
}

/** The three steps as a reader would take them. */
export function readSteps() {
  const all = blocks();
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
