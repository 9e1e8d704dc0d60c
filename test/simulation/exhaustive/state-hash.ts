import { HORIZON_MS, StepTimer } from './step-clock.js';

/** Points in time: what counts is how far away they are. */
const TIMES: ReadonlySet<string> = new Set(['at', 'deadline', 'since', 'startedAt', 'until']);

/** What no behaviour depends on, or what is the same in all executions of a case. */
const IGNORED: ReadonlySet<string> = new Set([
  'application',
  'endpoint',
  'endpoints',
  'final',
  'hello',
  'known',
  'limits',
  'options',
  'request',
  'counters',
  'detail',
  'lastHeard',
  'lastMigration',
  'left',
  'lastSent',
  'observer',
  'owner',
  'staleFrames',
  'time',
  'times',
  'waitsFor',
  'what',
]);

const texts = new Map<string, number>();

function hashOfText(text: string): number {
  let hash = texts.get(text);
  if (hash !== undefined) return hash;
  hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  texts.set(text, hash);
  return hash;
}

/** The fields of a class. */
interface Shape {
  hash: number;
  names: string[];
}

const shapes = new Map<unknown, Shape>();

function shapeOf(object: object): Shape {
  const { constructor } = object;
  let shape = shapes.get(constructor);
  if (shape) return shape;
  const names = Object.keys(object).filter((name) => !IGNORED.has(name));
  shape = { hash: hashOfText(`${constructor?.name} ${names.join()}`), names };
  shapes.set(constructor, shape);
  return shape;
}

let low = 0;
let high = 0;
let now = 0;
/** Objects of this and of former hashes that were met so far, and how many before this hash. */
let met = 0;
let metBefore = 0;

/** Where an object keeps its number: a map of them would cost more than all the rest. */
const NUMBER = Symbol('number');

interface Numbered {
  [NUMBER]?: number;
}

function mix(value: number) {
  low = Math.imul(low ^ value, 0xcc9e2d51);
  low ^= low >>> 15;
  high = Math.imul(high ^ (value + 0x7f4a7c15), 0x1b873593);
  high ^= high >>> 13;
}

function addValue(value: unknown) {
  switch (typeof value) {
    case 'number':
      mix(value | 0);
      if ((value | 0) !== value) mix(hashOfText(String(value)));
      return;
    case 'boolean':
      mix(value ? 3 : 5);
      return;
    case 'object':
      if (value) addObject(value);
      else mix(7);
      return;
    case 'undefined':
      mix(11);
      return;
    default:
      mix(hashOfText(String(value)));
  }
}

function addObject(object: object) {
  const { constructor } = object;
  if (constructor === Array) addList(object as unknown[]);
  else if (constructor === Object) addPlain(object as Record<string, unknown>);
  else if (constructor === Set) addSet(object as Set<unknown>);
  else if (constructor === Map) addEntries(object as Map<unknown, unknown>);
  else if (constructor === StepTimer) addTimer(object as StepTimer);
  else addInstance(object);
}

function addTimer(timer: StepTimer) {
  mix(timer.over ? 13 : Math.min(timer.at - now, HORIZON_MS));
  if (timer.over) return;
  mix(hashOfText(timer.text));
  addValue(timer.owner);
}

function addList(items: readonly unknown[]) {
  mix(items.length);
  for (let i = 0; i < items.length; i++) addValue(items[i]);
}

function addSet(items: ReadonlySet<unknown>) {
  mix(items.size);
  for (const item of items) addValue(item);
}

function addEntries(map: ReadonlyMap<unknown, unknown>) {
  mix(map.size);
  for (const [key, value] of map) {
    addValue(key);
    addValue(value);
  }
}

function addInstance(object: object & Numbered) {
  const number = object[NUMBER] ?? 0;
  if (number > metBefore) {
    mix(number - metBefore + 0x10000);
    return;
  }
  object[NUMBER] = ++met;
  const { hash, names } = shapeOf(object);
  mix(hash);
  for (const name of names) addField(name, (object as Record<string, unknown>)[name]);
}

function addPlain(object: Record<string, unknown>) {
  for (const name in object) {
    if (IGNORED.has(name)) continue;
    mix(hashOfText(name));
    addField(name, object[name]);
  }
  mix(17);
}

function addField(name: string, value: unknown) {
  // A method that is kept in a field is the same in all objects of a class.
  if (typeof value === 'function') return;
  if (typeof value === 'number' && TIMES.has(name)) mix(Math.round(value - now));
  else addValue(value);
}

/**
 * A number of 53 bits for everything that can be reached from an object: fields, the order of maps,
 * sets and lists, and which references lead to the same instance of a class. Of a function its text
 * counts, not what it has captured; of a point in time, how far away it is.
 */
export function hashOfState(root: object, time: number): number {
  low = 0x9e3779b9;
  high = 0x85ebca6b;
  now = time;
  metBefore = met;
  addValue(root);
  // Never 0.
  return (high & 0x1fffff) * 0x100000000 + (low >>> 0) + 1;
}
