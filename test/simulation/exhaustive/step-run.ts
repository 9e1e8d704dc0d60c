import { MessageType } from '../../../lib/protocol/messages.js';
import { conclude } from './small-verdict.js';
import { SmallWorld } from './small-world.js';
import type { SmallCase } from './small-world.js';
import type { Wire, WireEnd } from './wire.js';

/** A message of a move, by its sender. */
export interface Step {
  message: keyof typeof MessageType;
  from: 'relay' | 'hub';
  /** Of this hub server's service connections. */
  server: string;
  /** Of several such messages, which. */
  occurrence?: number;
}

export type Moment = 'was sent' | 'had arrived';

/** A service connection is lost, with what is on its way; both ends know at once. */
export function lose(wire: Wire): void {
  wire.broken = true;
  for (const end of [wire.relay, wire.hub]) end.end(1006, 'lost');
}

/**
 * Runs one move in the usual order, with handlers that take long and a message each way while it is
 * under way, and does something right after a step.
 * @returns the world at its end, or undefined when the step never came
 */
export function runStep(
  what: SmallCase,
  step: Step,
  moment: Moment,
  act: (world: SmallWorld) => void,
  onTrace?: (line: string) => void,
): SmallWorld | undefined {
  const world = new SmallWorld(what, onTrace);
  let seen = 0;
  const watch = (end: WireEnd, { type }: { type: number }) => {
    if (end.wire.serverId === step.server && type === MessageType[step.message]) seen++;
  };
  const isSender = (end: WireEnd) => end.atRelay === (step.from === 'relay');
  if (moment === 'was sent') {
    world.tap.onDeparture = (end, message) => isSender(end) && watch(end, message);
  } else world.tap.onArrival = (end, message) => !isSender(end) && watch(end, message);
  world.act(() => world.client.sendMessage());
  goOn(world, () => world.active().some(({ running }) => running.length > 0));
  world.act(() => what.operation.perform(world));
  world.operated = true;
  if (!goOn(world, () => seen >= (step.occurrence ?? 1))) return undefined;
  world.fault = 'as the test says';
  world.act(() => act(world));
  if (world.client.alive) world.act(() => world.client.sendMessage());
  for (const connection of world.active()) world.act(() => connection.send());
  conclude(world);
  return world;
}

/** One step after the other, handlers last. @returns whether the condition came true */
function goOn(world: SmallWorld, isThere: () => boolean): boolean {
  for (let steps = 0; steps < 500 && !isThere(); steps++) {
    const choices = world.choices().filter(({ kind }) => kind === 'step');
    const next = choices.find(({ name }) => !/handled|time/.test(name)) ?? choices[0];
    if (!next) return false;
    next.perform();
  }
  return isThere();
}
