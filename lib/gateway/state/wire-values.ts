import { Buffer } from 'node:buffer';
import { ExtData, ExtensionCodec } from '@msgpack/msgpack';

/** How deep objects, lists, maps and sets may be nested. */
export const MAX_DEPTH = 100;

/** Extension types; those from 0 on are for applications. */
const CONSTANT = 1;
const DATE = 2;
const BIGINT = 3;
const TEXT = 4;
const BUFFER = 5;

/** The first item of a list that stands for something that MessagePack does not have. */
export class Marker {
  readonly wire: ExtData;

  constructor(code: number) {
    this.wire = new ExtData(CONSTANT, Uint8Array.of(code));
  }
}

export const UNDEFINED = new Marker(0);
export const NEGATIVE_ZERO = new Marker(1);
/** Followed by keys and values in turn. */
export const MAP = new Marker(2);
export const SET = new Marker(3);
/** Followed by the registered name, then by names and values of its properties in turn. */
export const INSTANCE = new Marker(4);
/** An object that MessagePack's map cannot hold, since a key is no well-formed text. */
export const OBJECT = new Marker(5);
/** An object without prototype. */
export const DICTIONARY = new Marker(6);
const CONSTANTS = [UNDEFINED, NEGATIVE_ZERO, MAP, SET, INSTANCE, OBJECT, DICTIONARY];

export function dateToWire(date: Date): ExtData {
  const data = Buffer.alloc(8);
  data.writeDoubleBE(date.getTime());
  return new ExtData(DATE, data);
}

/** Sign, then the magnitude. */
export function bigintToWire(value: bigint): ExtData {
  const hex = (value < 0n ? -value : value).toString(16);
  const sign = value < 0n ? '01' : '00';
  return new ExtData(BIGINT, Buffer.from(sign + (hex.length % 2 ? `0${hex}` : hex), 'hex'));
}

export const bufferToWire = (value: Buffer): ExtData => new ExtData(BUFFER, value);

/** UTF-8, as MessagePack has it, would change text with half a surrogate pair. */
export const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

export const textToWire = (text: string): string | ExtData =>
  isWellFormed(text) ? text : new ExtData(TEXT, Buffer.from(text, 'utf16le'));

function constantFromWire(data: Uint8Array): unknown {
  const constant = data.length === 1 ? CONSTANTS[data[0]!] : undefined;
  if (!constant) throw new RangeError('an unknown constant');
  if (constant === UNDEFINED) return undefined;
  return constant === NEGATIVE_ZERO ? -0 : constant;
}

function dateFromWire(data: Uint8Array): Date {
  if (data.length !== 8) throw new RangeError('a date must have 8 bytes');
  return new Date(Buffer.from(data).readDoubleBE());
}

function bigintFromWire(data: Uint8Array): bigint {
  if (data.length < 2 || data[0]! > 1) throw new RangeError('a bigint must have sign and value');
  const magnitude = BigInt(`0x${Buffer.from(data).toString('hex', 1)}`);
  return data[0] === 1 ? -magnitude : magnitude;
}

function textFromWire(data: Uint8Array): string {
  if (data.length % 2) throw new RangeError('half a character');
  return Buffer.from(data).toString('utf16le');
}

function unknownFromWire(): never {
  throw new RangeError('an unknown type');
}

/** MessagePack's own date. */
const TIMESTAMP = -1;

export const wireExtensions = new ExtensionCodec();
const fromWire: readonly (readonly [number, (data: Uint8Array) => unknown])[] = [
  [TIMESTAMP, unknownFromWire],
  [CONSTANT, constantFromWire],
  [DATE, dateFromWire],
  [BIGINT, bigintFromWire],
  [TEXT, textFromWire],
  [BUFFER, (data) => Buffer.from(data)],
];
for (const [type, decode] of fromWire) {
  wireExtensions.register({ type, encode: () => null, decode });
}
