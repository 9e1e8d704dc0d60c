import type { ContextStorage } from '../storage/context-storage.js';
import { describeType } from './describe-value.js';
import type { Rule } from './rules.js';

const METHODS = ['save', 'claim', 'renew', 'remove', 'close'];

/** Whether it can be used as a storage; whatever it does when it is looked at. */
export function isContextStorage(value: unknown): value is ContextStorage {
  try {
    const methods = value as Record<string, unknown>;
    return METHODS.every((name) => typeof methods[name] === 'function');
  } catch {
    return false;
  }
}

/** An object that keeps contexts. */
export function contextStorage(): Rule {
  return { accepted: 'a ContextStorage', accepts: isContextStorage, show: describeType };
}
