import { encode } from '@msgpack/msgpack';
import { FrameWriter } from '../../../lib/protocol/frames.js';
import { MessageType } from '../../../lib/protocol/messages.js';
import type { ControlMessage } from '../../../lib/protocol/messages.js';
import type { FuzzRandom } from './fuzz-random.js';
import { takeBatch } from '../../support/take-batch.js';

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(MessageType));
const UNKNOWN_TYPES = Array.from({ length: 256 }, (_, type) => type).filter(
  (type) => !KNOWN_TYPES.has(type),
);
/** Values that no field, or hardly any, accepts. */
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  Number.NaN,
  2 ** 53,
  1e300,
  '',
  'x'.repeat(3000),
  [],
  [[]],
  {},
  { port: {} },
  Buffer.alloc(200),
  new Date(0),
];

/** A frame with any header and body. */
export function rawFrame(
  type: number,
  flags: number,
  link: number,
  body: Uint8Array,
  length = body.length,
) {
  const header = Buffer.alloc(10);
  header[0] = type;
  header[1] = flags;
  header.writeUInt32BE(link, 2);
  header.writeUInt32BE(length, 6);
  return Buffer.concat([header, body]);
}

/** A control frame whose fields may be anything. */
export const looseFrame = (type: number, link: number, fields: unknown): Buffer =>
  rawFrame(type, 0, link, encode(fields, { ignoreUndefined: true }));

export function controlFrame(message: ControlMessage): Buffer {
  const writer = new FrameWriter(256);
  writer.control(message);
  return takeBatch(writer);
}

export function ackFrame(link: number, count: number, ranges: number[] = []): Buffer {
  const writer = new FrameWriter(256);
  writer.ack(link, count, ranges);
  return takeBatch(writer);
}

export const dataFrame = (link: number, data: Buffer, flags: number): Buffer =>
  rawFrame(MessageType.Data, flags, link, data);

/** One field of a message replaced by something odd, left out, or put where it does not belong. */
export function withOddField(random: FuzzRandom, message: ControlMessage): Buffer {
  const { type, link = 0, ...fields } = message as ControlMessage & { link?: number };
  const names = [...Object.keys(fields), 'extra'];
  const odd = { ...fields, [random.pick(names)]: random.pick([...ODD_VALUES, undefined]) };
  return looseFrame(type, link, random.chance(0.05) ? random.pick(ODD_VALUES) : odd);
}

/** What every end must skip. */
export function unknownFrames(random: FuzzRandom): Buffer {
  const frames: Buffer[] = [];
  do {
    const body = random.bytes(random.int(0, 80));
    frames.push(
      rawFrame(random.pick(UNKNOWN_TYPES), random.int(0, 255), random.int(0, 2 ** 32 - 1), body),
    );
  } while (random.chance(0.3));
  return Buffer.concat(frames);
}

/** Batches that no end can read, whatever its state. */
export function unreadable(random: FuzzRandom, valid: Buffer): Buffer {
  const known = () => random.pick([...KNOWN_TYPES]);
  const body = random.bytes(random.int(1, 60));
  return random.pick([
    () => random.bytes(random.int(1, 300)),
    () => random.truncate(valid),
    () => random.flip(valid),
    () => random.insert(valid),
    () => rawFrame(known(), 0, 1, body, random.int(2 ** 20 + 1, 2 ** 32 - 1)),
    () => rawFrame(known(), 0, 1, body, body.length + random.int(1, 1000)),
    () => rawFrame(random.int(0x20, 0x25), 0, 0, body),
    () => dataFrame(random.int(0, 3), body, random.int(2, 255)),
    () => rawFrame(MessageType.Ack, 0, 1, body),
    () => ackFrame(1, 5, [9, 7]),
    () =>
      ackFrame(
        1,
        0,
        Array.from({ length: 200 }, (_, i) => i),
      ),
    () => Buffer.concat([valid, Buffer.from([0])]),
  ])();
}
