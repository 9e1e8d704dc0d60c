import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { decode } from '@msgpack/msgpack';
import { LARGEST_CONTEXT } from '../../options/limits.js';
import { checkMessagePack } from '../../protocol/message-pack.js';
import { malformed, notAssignable, unknownClass } from './state.messages.js';
import { StateRefusedException } from './state-refused.exception.js';
import { TypeRegistry } from './type-registry.js';
import { type Step, ValuePath } from './value-path.js';
import {
  DICTIONARY,
  INSTANCE,
  MAP,
  MAX_DEPTH,
  OBJECT,
  SET,
  wireExtensions,
} from './wire-values.js';

/** What becomes of an instance of a class that is not known here. */
export type UnknownClasses = 'refuse' | 'plain';

interface ReviveOptions {
  readonly known?: TypeRegistry;
  readonly unknownClasses?: UnknownClasses;
}

/**
 * Decodes what `encodeValue` made. Nothing in the result refers to `bytes`.
 * @param root what errors call the value
 * @throws StateRefusedException
 */
export function decodeValue(bytes: Uint8Array, root: string, options: ReviveOptions = {}): unknown {
  try {
    return new ValueReviver(root, options).revive(unpack(bytes));
  } catch (error) {
    if (error instanceof StateRefusedException) throw error;
    throw malformedBytes(root, error);
  }
}

/** As `decodeValue`, for what `encodeFields` made: a plain object. */
export function decodeFields(bytes: Uint8Array, root: string, options: ReviveOptions): object {
  const fields = decodeValue(bytes, root, options);
  if (typeof fields === 'object' && fields && Object.getPrototypeOf(fields) === Object.prototype) {
    return fields;
  }
  throw malformedBytes(root, new RangeError('it is no map of properties'));
}

export const malformedBytes = (what: string, error: unknown): StateRefusedException =>
  new StateRefusedException('malformed', malformed(what, messageOf(error)));

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : 'something that is no Error was thrown';

function unpack(bytes: Uint8Array): unknown {
  if (bytes.length > LARGEST_CONTEXT) throw new RangeError(`more than ${LARGEST_CONTEXT} bytes`);
  const { buffer, byteOffset, byteLength } = bytes;
  checkMessagePack(Buffer.from(buffer, byteOffset, byteLength), MAX_DEPTH);
  // Parts of a Buffer would be Buffers.
  const plain = new Uint8Array(buffer, byteOffset, byteLength);
  return decode(plain, { extensionCodec: wireExtensions, mapKeyConverter: textKey });
}

function textKey(key: unknown): string {
  if (typeof key === 'string') return key;
  throw new RangeError('a property whose name is no text');
}

class ValueReviver {
  private readonly path: ValuePath;
  private readonly known: TypeRegistry;
  private readonly unknownClasses: UnknownClasses;

  constructor(root: string, { known, unknownClasses }: ReviveOptions) {
    this.path = new ValuePath(root);
    this.known = known ?? TypeRegistry.none;
    this.unknownClasses = unknownClasses ?? 'refuse';
  }

  revive(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return this.reviveList(value);
    if (Buffer.isBuffer(value) || types.isDate(value)) return value;
    if (types.isUint8Array(value)) return Uint8Array.from(value);
    if (Object.getPrototypeOf(value) !== Object.prototype) throw new RangeError('misplaced marker');
    const object = value as Record<string, unknown>;
    for (const key of Object.keys(object)) object[key] = this.reviveAt(key, object[key]);
    return object;
  }

  private reviveList(list: readonly unknown[]): unknown {
    switch (list[0]) {
      case MAP:
        return new Map(this.entries(list, 1, (key) => ({ key })));
      case SET:
        return new Set(list.slice(1).map((item, i) => this.reviveAt(i, item)));
      case OBJECT:
        return this.assign({}, list, 1);
      case DICTIONARY:
        return this.assign(Object.create(null), list, 1);
      case INSTANCE:
        return this.reviveInstance(list);
      default:
        return list.map((item, i) => this.reviveAt(i, item));
    }
  }

  private reviveInstance(list: readonly unknown[]): unknown {
    const name = list[1];
    if (typeof name !== 'string') throw new RangeError('an instance without a class');
    const prototype = this.known.prototypeOf(name);
    if (prototype) return this.assignTo(Object.create(prototype), this.assign({}, list, 2));
    if (this.unknownClasses === 'plain') return this.assign({}, list, 2);
    throw new StateRefusedException('invalid', unknownClass(this.path.toString(), name));
  }

  /** A class may have setters by now, which may do anything. */
  private assignTo(instance: object, fields: object): object {
    try {
      return Object.assign(instance, fields);
    } catch (error) {
      const text = notAssignable(this.path.toString(), messageOf(error));
      throw new StateRefusedException('invalid', text);
    }
  }

  private assign(object: Record<string, unknown>, list: readonly unknown[], from: number): object {
    const properties = this.entries(list, from, (key) => {
      if (typeof key === 'string' && key !== '__proto__') return key;
      throw new RangeError('a property that cannot be');
    });
    for (const [key, value] of properties) object[key as string] = value;
    return object;
  }

  private entries(
    list: readonly unknown[],
    from: number,
    stepOf: (key: unknown) => Step,
  ): [unknown, unknown][] {
    if ((list.length - from) % 2) throw new RangeError('a key without a value');
    const entries: [unknown, unknown][] = [];
    for (let i = from; i < list.length; i += 2) {
      const key = this.revive(list[i]);
      entries.push([key, this.reviveAt(stepOf(key), list[i + 1])]);
    }
    return entries;
  }

  private reviveAt(step: Step, value: unknown): unknown {
    this.path.enter(step);
    const revived = this.revive(value);
    this.path.leave();
    return revived;
  }
}
