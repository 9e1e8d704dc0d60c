import type { Type } from '@nestjs/common';
import { describeType, describeValue } from '../../options/describe-value.js';
import {
  missingUpgrade,
  newerVersion,
  notAssignable,
  notTheStateClass,
  stateMustBeClass,
  unknownUpgrade,
  upgradeFailed,
  upgradeReturned,
  wrongUpgrade,
  wrongVersion,
} from './state.messages.js';
import { StateRefusedException } from './state-refused.exception.js';
import { isNamedClass, type StateTypes, TypeRegistry } from './type-registry.js';
import { validateState } from './validate-state.js';
import { encodeFields } from './value-packer.js';
import { decodeFields, malformedBytes, messageOf } from './value-reviver.js';

/**
 * Makes the data of the next version of what it gets, or changes what it gets and returns it.
 * @publicApi
 */
export type StateUpgrade = (data: Record<string, unknown>) => unknown;

/**
 * The state that a gateway keeps for each of its clients, which travels with their connections.
 *
 * What travels are the own enumerable properties of the state and of everything in it: not getters of
 * a class, private `#fields`, properties whose name is a symbol, and what `toJSON` would give. Dates,
 * Maps, Sets, bigints, Buffers, Uint8Arrays, undefined, NaN and infinite numbers survive. An object that
 * is in two places becomes two; the holes of a list become undefined; the order of properties is not
 * kept, that of Maps and Sets is.
 *
 * @publicApi
 */
export interface StateOptions<T extends object> {
  /**
   * The class of `client.state`. A new client's state is `new State()`; one that arrives is that, with
   * the properties that travelled assigned to it, so that new properties have their defaults.
   */
  readonly state: Type<T>;
  /**
   * Number of the form that the state has. Raise it when older servers could not work with what newer
   * ones write: they then refuse it, and the connection stays with a newer server.
   * @default 1
   */
  readonly version?: number;
  /**
   * For each version below: makes data of the next version, from a plain object. Nested instances of
   * known classes are instances, those of classes that are gone are plain objects. May be async.
   */
  readonly upgrade?: Readonly<Record<number, StateUpgrade>>;
  /**
   * Classes that instances in the state may have. They travel under the name of the class, or under
   * its key here, and are revived without their constructor being run.
   */
  readonly types?: StateTypes;
}

/**
 * @throws TypeError that says what is wrong with the options
 */
export function defineState<T extends object>(options: StateOptions<T>): StateDefinition<T> {
  const { state, version = 1, upgrade = {}, types } = options;
  if (!isNamedClass(state) || state.length > 0) throw new TypeError(stateMustBeClass());
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new TypeError(wrongVersion(describeValue(version)));
  }
  checkUpgrades(version, upgrade);
  return new StateDefinition(state, version, upgrade, TypeRegistry.of(state, types));
}

function checkUpgrades(version: number, upgrade: Readonly<Record<number, unknown>>): void {
  for (const [key, fn] of Object.entries(upgrade)) {
    const from = Number(key);
    if (!Number.isSafeInteger(from) || from < 1 || from >= version) {
      throw new TypeError(unknownUpgrade(key, version));
    }
    if (typeof fn !== 'function') throw new TypeError(wrongUpgrade(from));
  }
  for (let from = 1; from < version; from++) {
    if (!Object.hasOwn(upgrade, from)) throw new TypeError(missingUpgrade(from, version));
  }
}

/** Makes bytes of a state, and a state of bytes. */
export class StateDefinition<T extends object = object> {
  constructor(
    readonly type: Type<T>,
    readonly version: number,
    private readonly upgrades: Readonly<Record<number, StateUpgrade>>,
    private readonly types: TypeRegistry,
  ) {}

  /** The state of a new client. */
  create(): T {
    return new this.type();
  }

  /**
   * Equal states give equal bytes.
   * @throws TypeError that names the part that cannot travel: `state.members[2].address is …`
   */
  encode(state: T): Uint8Array {
    if (Object.getPrototypeOf(Object(state)) !== this.type.prototype) {
      const got = state?.constructor?.name ?? describeType(state);
      throw new TypeError(notTheStateClass(this.type.name, got));
    }
    return encodeFields(state, 'state', this.types);
  }

  /**
   * Upgrades what was encoded by an older version, makes an instance of it and validates that with
   * class-validator. Takes as long as the upgrades and validators of the application take.
   * @param version that of the definition that encoded the bytes
   * @throws StateRefusedException
   */
  async decode(bytes: Uint8Array, version: number): Promise<T> {
    if (!Number.isSafeInteger(version) || version < 1) {
      throw malformedBytes('state', new RangeError('its version is no integer from 1'));
    }
    if (version > this.version) {
      const text = newerVersion(this.type.name, version, this.version);
      throw new StateRefusedException('newerVersion', text);
    }
    const unknownClasses = version < this.version ? 'plain' : 'refuse';
    const fields = decodeFields(bytes, 'state', { known: this.types, unknownClasses });
    const state = this.instanceOf(await this.upgraded(fields, version));
    await validateState(state, this.type.name);
    return state;
  }

  private async upgraded(data: object, version: number): Promise<object> {
    for (let from = version; from < this.version; from++) {
      data = await this.upgradedOnce(data, from);
    }
    return data;
  }

  private async upgradedOnce(data: object, from: number): Promise<object> {
    const what = upgradeFailed(this.type.name, from);
    let result: unknown;
    try {
      result = await this.upgrades[from]!(data as Record<string, unknown>);
    } catch (error) {
      throw new StateRefusedException('upgradeFailed', what, [messageOf(error)]);
    }
    if (typeof result === 'object' && result !== null && !Array.isArray(result)) return result;
    throw new StateRefusedException('upgradeFailed', what, [upgradeReturned(describeType(result))]);
  }

  private instanceOf(fields: object): T {
    try {
      return Object.assign(this.create(), fields);
    } catch (error) {
      const text = notAssignable(`state (${this.type.name})`, messageOf(error));
      throw new StateRefusedException('invalid', text);
    }
  }
}
