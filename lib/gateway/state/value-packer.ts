import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { encode } from '@msgpack/msgpack';
import { LARGEST_CONTEXT } from '../../options/limits.js';
import {
  cannotTravel,
  classInPlainData,
  classNotListed,
  nestedTooDeeply,
  refersToItself,
  reservedKey,
  tooManyValues,
} from './state.messages.js';
import { hasNativeContent, TypeRegistry } from './type-registry.js';
import { ValuePath } from './value-path.js';
import {
  bigintToWire,
  bufferToWire,
  dateToWire,
  DICTIONARY,
  INSTANCE,
  isWellFormed,
  MAP,
  MAX_DEPTH,
  NEGATIVE_ZERO,
  OBJECT,
  SET,
  textToWire,
  UNDEFINED,
  wireExtensions,
} from './wire-values.js';

const toBytes = (packed: unknown): Uint8Array =>
  encode(packed, { extensionCodec: wireExtensions, maxDepth: MAX_DEPTH + 1 });

/**
 * Encodes a value of plain data and listed classes.
 * @param root what errors call the value
 * @throws TypeError that names the part that cannot travel
 */
export const encodeValue = (value: unknown, root: string, known = TypeRegistry.none): Uint8Array =>
  toBytes(new ValuePacker(root, known).pack(value));

/** As `encodeValue`, for the own properties of an instance without its class. */
export const encodeFields = (fields: object, root: string, known: TypeRegistry): Uint8Array =>
  toBytes(new ValuePacker(root, known).packFields(fields));

/** Makes what MessagePack can hold of a tree. Properties are sorted, so that equal trees give equal bytes. */
class ValuePacker {
  private readonly path: ValuePath;
  private readonly ancestors: object[] = [];
  private values = 0;

  constructor(
    root: string,
    private readonly known: TypeRegistry,
  ) {
    this.path = new ValuePath(root);
  }

  pack(value: unknown): unknown {
    if (++this.values > LARGEST_CONTEXT) this.refuse(tooManyValues, LARGEST_CONTEXT);
    switch (typeof value) {
      case 'string':
        return textToWire(value);
      case 'number':
        return Object.is(value, -0) ? NEGATIVE_ZERO.wire : value;
      case 'undefined':
        return UNDEFINED.wire;
      case 'bigint':
        return bigintToWire(value);
      case 'function':
      case 'symbol':
        return this.refuse(cannotTravel, `a ${typeof value}`);
      default:
        return typeof value === 'object' && value !== null ? this.packObject(value) : value;
    }
  }

  packFields(fields: object): unknown {
    return this.inside(fields, () => this.packProperties(fields));
  }

  private packObject(value: object): unknown {
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === null) return this.inside(value, () => this.pairs(value, DICTIONARY.wire));
    const name = this.known.nameOf(prototype);
    if (name !== undefined) {
      return this.inside(value, () => this.pairs(value, INSTANCE.wire, textToWire(name)));
    }
    if (isPlain(prototype)) return this.inside(value, () => this.packProperties(value));
    if (types.isUint8Array(value)) return Buffer.isBuffer(value) ? bufferToWire(value) : value;
    // Below Object.prototype there is only that of the built-in class, of whatever realm.
    if (isPlain(Object.getPrototypeOf(prototype) ?? prototype)) {
      if (Array.isArray(value)) return this.inside(value, () => this.packItems(value));
      if (types.isMap(value)) return this.inside(value, () => this.packMap(value));
      if (types.isSet(value)) {
        return this.inside(value, () => [SET.wire, ...this.packItems([...value])]);
      }
      if (types.isDate(value)) return dateToWire(value);
    }
    return this.refuseClass(prototype);
  }

  private packProperties(value: object): unknown {
    const keys = Object.keys(value);
    if (!keys.every(isWellFormed)) return this.pairs(value, OBJECT.wire);
    const packed: Record<string, unknown> = {};
    for (const key of keys.sort()) packed[key] = this.packProperty(value, key);
    return packed;
  }

  private pairs(value: object, ...start: unknown[]): unknown[] {
    for (const key of Object.keys(value).sort()) {
      start.push(textToWire(key), this.packProperty(value, key));
    }
    return start;
  }

  private packProperty(value: object, key: string): unknown {
    if (key === '__proto__') this.refuse(reservedKey);
    this.path.enter(key);
    const packed = this.pack((value as Record<string, unknown>)[key]);
    this.path.leave();
    return packed;
  }

  private packItems(items: readonly unknown[]): unknown[] {
    const packed: unknown[] = [];
    for (let i = 0; i < items.length; i++) {
      this.path.enter(i);
      packed.push(this.pack(items[i]));
      this.path.leave();
    }
    return packed;
  }

  private packMap(map: ReadonlyMap<unknown, unknown>): unknown[] {
    const packed: unknown[] = [MAP.wire];
    for (const [key, item] of map) {
      this.path.enter({ key });
      packed.push(this.pack(key), this.pack(item));
      this.path.leave();
    }
    return packed;
  }

  private inside(value: object, body: () => unknown): unknown {
    if (this.ancestors.includes(value)) this.refuse(refersToItself);
    if (this.ancestors.length === MAX_DEPTH) this.refuse(nestedTooDeeply, MAX_DEPTH);
    this.ancestors.push(value);
    const packed = body();
    this.ancestors.pop();
    return packed;
  }

  private refuseClass(prototype: object): never {
    const name = prototype.constructor?.name || 'a class without a name';
    if (hasNativeContent(prototype)) return this.refuse(cannotTravel, `an instance of ${name}`);
    return this.refuse(this.known === TypeRegistry.none ? classInPlainData : classNotListed, name);
  }

  private refuse<T extends unknown[]>(
    text: (path: string, ...rest: T) => string,
    ...rest: T
  ): never {
    throw new TypeError(text(this.path.toString(), ...rest));
  }
}

/** Object.prototype, also that of another realm: test runners give each test file its own. */
function isPlain(prototype: object): boolean {
  if (prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && prototype.constructor?.name === 'Object';
}
