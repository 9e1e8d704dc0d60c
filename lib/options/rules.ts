import { ValidateBy, isIn, isInt, max, maxLength, min } from 'class-validator';
import { describeType, describeValue, isList } from './describe-value.js';
import type { OptionProblem } from './option-problem.js';
import { mustBe } from './options.messages.js';

/** What an option accepts. */
export interface Rule {
  /** Completes the sentence "must be …". */
  readonly accepted: string;
  readonly accepts: (value: unknown) => boolean;
  /** How a wrong value is shown in a message. */
  readonly show: (value: unknown) => string;
  /** The rule of each item, when the value is a list. */
  readonly item?: Rule;
}

export const MAX_LIST_LENGTH = 1000;

const RULE = 'migrationOption';
const PRINTABLE = /^[^\p{Cc}]+$/u;

/** Validates a property of an options class by a rule. */
export function Accepts(rule: Rule): PropertyDecorator {
  return ValidateBy(
    { name: RULE, validator: { validate: rule.accepts, defaultMessage: () => rule.accepted } },
    { context: { rule } },
  );
}

/** The problems of a value that the rule in a validation error's contexts refused. */
export function problemsOf(
  path: string,
  value: unknown,
  contexts: Record<string, { rule: Rule }> | undefined,
): OptionProblem[] {
  const rule = contexts?.[RULE]?.rule;
  return rule === undefined ? [{ path, text: 'is not valid' }] : refusals(path, value, rule);
}

function refusals(path: string, value: unknown, rule: Rule): OptionProblem[] {
  const { item } = rule;
  const inItems =
    item !== undefined && isList(value)
      ? value.flatMap((entry, index) =>
          item.accepts(entry) ? [] : refusals(`${path}[${index}]`, entry, item),
        )
      : [];
  const own = { path, text: mustBe(rule.accepted, rule.show(value)) };
  return inItems.length > 0 ? inItems : [own];
}

/** An integer from `from` to `to`, both included. */
export function integer(from: number, to: number): Rule {
  return {
    accepted: `an integer from ${from} to ${to}`,
    accepts: (value) => isInt(value) && min(value, from) && max(value, to),
    show: describeValue,
  };
}

/** The same rule, but text is never shown: it may be a secret that was put in the wrong place. */
export function unseen(rule: Rule): Rule {
  const show = (value: unknown) =>
    typeof value === 'string' ? describeType(value) : rule.show(value);
  return { ...rule, show };
}

/** Yes or no. */
export function flag(): Rule {
  return {
    accepted: 'true or false',
    accepts: (value) => typeof value === 'boolean',
    show: describeValue,
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Rule {
  return {
    accepted: words
      .map((word) => `'${word}'`)
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1'),
    accepts: (value) => isIn(value, words),
    show: describeValue,
  };
}

/** A name that is shown to people. */
export function text(longest: number): Rule {
  return {
    accepted: `a string of 1 to ${longest} printable characters`,
    accepts: (value) =>
      typeof value === 'string' && PRINTABLE.test(value) && maxLength(value, longest),
    show: describeValue,
  };
}

/** A function. */
export function callable(): Rule {
  return {
    accepted: 'a function',
    accepts: (value) => typeof value === 'function',
    show: describeType,
  };
}

/** Whatever either rule accepts. */
export function either(first: Rule, second: Rule): Rule {
  return {
    accepted: `${first.accepted} or ${second.accepted}`,
    accepts: (value) => first.accepts(value) || second.accepts(value),
    show: first.show,
  };
}

/** A list whose items follow a rule. */
export function listOf(item: Rule, longest = MAX_LIST_LENGTH): Rule {
  return {
    accepted: `a list of at most ${longest}, each ${item.accepted}`,
    accepts: (value) => isList(value) && value.length <= longest && value.every(item.accepts),
    show: describeType,
    item,
  };
}
