import { validateSync } from 'class-validator';
import { isAttentionFormat } from './attention-format.js';
import { closestName, type NameCandidate } from './closest-name.js';
import { describeType, describeValue, isList, quote } from './describe-value.js';
import {
  GeneralOptions,
  optionPaths,
  type ResolvedOptions,
  SECTIONS,
  type SectionName,
} from './migration.options.js';
import type { OptionProblem } from './option-problem.js';
import { mustBe, notAnOption } from './options.messages.js';
import { MAX_LIST_LENGTH, problemsOf } from './rules.js';
import { isContextStorage } from './storage-rule.js';

const HOLDS_SECRETS = new Set<SectionName | undefined>(['security', 'admin']);

/** Options over their defaults, and what is wrong with each of them in itself. */
export interface ReadOptions {
  readonly options: ResolvedOptions;
  readonly problems: readonly OptionProblem[];
}

/** Reads input over the defaults. Options with a problem keep whatever was given. */
export function readOptions(input: unknown): ReadOptions {
  const problems: OptionProblem[] = [];
  const given = input === undefined ? {} : plainCopy(input);
  if (given === undefined) {
    problems.push({ path: 'options', text: mustBe('an object', describeType(input)) });
  }
  const { security, relay, hub, context, shutdown, admin, ...general } = given ?? {};
  const { role } = readSection(undefined, GeneralOptions, general, problems);
  const options = {
    role,
    security: readSection('security', SECTIONS.security, security, problems),
    relay: readSection('relay', SECTIONS.relay, relay, problems),
    hub: readSection('hub', SECTIONS.hub, hub, problems),
    context: readSection('context', SECTIONS.context, context, problems),
    shutdown: readSection('shutdown', SECTIONS.shutdown, shutdown, problems),
    admin: readSection('admin', SECTIONS.admin, admin, problems),
  };
  return { options, problems };
}

function readSection<Options extends object>(
  section: SectionName | undefined,
  Options: new () => Options,
  input: unknown,
  problems: OptionProblem[],
): Options {
  const options = new Options();
  const given = input === undefined ? {} : plainCopy(input);
  if (given === undefined) {
    const show = HOLDS_SECRETS.has(section) ? describeType : describeValue;
    problems.push({ path: section ?? 'options', text: mustBe('an object', show(input)) });
    return options;
  }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(options, name)) {
      problems.push({ path: pathTo(section, name), text: notAnOption(suggest(section, name)) });
    } else if (value !== undefined) {
      Object.assign(options, { [name]: copyValue(value) });
    }
  }
  for (const { property, value, contexts } of validateSync(options, {
    skipUndefinedProperties: true,
  })) {
    problems.push(...problemsOf(pathTo(section, property), value, contexts));
  }
  return { ...options };
}

function pathTo(section: SectionName | undefined, name: string): string {
  const shown = /^[\w.]{1,60}$/.test(name) ? name : quote(name);
  return section === undefined ? shown : `${section}.${shown}`;
}

function suggest(section: SectionName | undefined, name: string): string | undefined {
  const paths = optionPaths();
  const near = paths.filter((path) => path.startsWith(`${section}.`));
  const candidates: NameCandidate[] = [...near, ...paths].map((path) => ({
    name: path.slice(path.indexOf('.') + 1),
    label: path,
  }));
  const atTop = [...Object.keys(SECTIONS), ...paths].map((path) => ({ name: path, label: path }));
  return closestName(name, section === undefined ? [...atTop, ...candidates] : candidates);
}

/** Own properties of an object, read once, so that getters and proxies cannot interfere later. */
function plainCopy(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  try {
    const isPlain = Object.prototype.toString.call(value) === '[object Object]';
    return isPlain ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A copy of a list, no longer than it must be to be refused. No option takes an object other than a
 * storage or the shape of attentions, so an empty one stands in for those, whatever they would do when
 * looked at.
 */
function copyValue(value: unknown): unknown {
  if (!isList(value)) {
    if (typeof value !== 'object' || value === null) return value;
    return isContextStorage(value) || isAttentionFormat(value) ? value : {};
  }
  try {
    const length = Math.min(value.length, MAX_LIST_LENGTH + 1);
    return Array.from({ length }, (_, index) => value[index]);
  } catch {
    return {};
  }
}
