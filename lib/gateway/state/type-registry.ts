import type { Type } from '@nestjs/common';
import { nativeType, sameClass, sameName, wrongType, wrongTypes } from './state.messages.js';

/**
 * Classes whose instances may be in a state: a list of them, or names for them that outlive a renaming.
 * @publicApi
 */
export type StateTypes = readonly Type[] | Readonly<Record<string, Type>>;

const NATIVE_CODE = /\{\s*\[native code\]\s*\}$/;

export function isNamedClass(value: unknown): value is Type {
  if (typeof value !== 'function' || typeof value.prototype !== 'object') return false;
  return typeof value.name === 'string' && value.name !== '';
}

function isNative(constructor: object & { readonly name: string }): boolean {
  // Node.js has classes that are written in JavaScript, such as URL.
  const isGlobal = Reflect.get(globalThis, constructor.name) === constructor;
  return isGlobal || NATIVE_CODE.test(Function.prototype.toString.call(constructor));
}

/** Whether something below Object in the prototype chain is part of JavaScript or Node.js. */
export function hasNativeContent(prototype: object): boolean {
  for (let at = prototype; ;) {
    const parent: unknown = Object.getPrototypeOf(at);
    if (parent === null) return false;
    const { constructor } = at;
    if (typeof constructor === 'function' && isNative(constructor)) return true;
    at = parent as object;
  }
}

/** The names under which instances of classes travel. */
export class TypeRegistry {
  private readonly names = new Map<object, string>();
  private readonly prototypes = new Map<string, object>();

  /**
   * @param state may also be nested in itself
   * @throws TypeError
   */
  static of(state: Type, types: StateTypes = []): TypeRegistry {
    const registry = new TypeRegistry();
    for (const [name, type] of named(types)) registry.add(name, type);
    if (!registry.nameOf(state.prototype)) registry.add(state.name, state);
    return registry;
  }

  /** For plain data. */
  static readonly none = new TypeRegistry();

  nameOf(prototype: object): string | undefined {
    return this.names.get(prototype);
  }

  prototypeOf(name: string): object | undefined {
    return this.prototypes.get(name);
  }

  private add(name: string, type: Type): void {
    if (hasNativeContent(type.prototype)) throw new TypeError(nativeType(type.name));
    if (this.names.has(type.prototype)) throw new TypeError(sameClass(type.name));
    if (this.prototypes.has(name)) throw new TypeError(sameName(name));
    this.names.set(type.prototype, name);
    this.prototypes.set(name, type.prototype);
  }
}

function named(types: unknown): [string, Type][] {
  if (typeof types !== 'object' || types === null) throw new TypeError(wrongTypes());
  const isList = Array.isArray(types);
  return Object.entries(types as object).map(([key, type]) => {
    if (!isNamedClass(type)) throw new TypeError(wrongType(isList ? `item ${key}` : `"${key}"`));
    return [isList ? type.name : key, type];
  });
}
