import { Buffer } from 'node:buffer';
import { Encoder } from '@msgpack/msgpack';
import { ProtocolError, ServiceCloseCode } from './errors.js';
import { decodeMessagePack } from './message-pack.js';
import { MessageType } from './messages.js';
import type { ControlMessage, Payload } from './messages.js';
import { MESSAGE_SCHEMAS } from './schema.js';

/** type (1), flags (1), link (4), length (4); big endian. */
export const HEADER_BYTES = 10;
/** Flag of a data frame: the payload is binary; without it, UTF-8 text. */
export const FLAG_BINARY = 0x01;
/** Flag of a data frame: its sender waits for the acknowledgement. */
export const FLAG_PROMPT = 0x02;
/** Flag of a data frame: the payload is that of the data frame before it in the batch; it has none of its own. */
export const FLAG_SAME = 0x04;
/** Limit of a control message's body in bytes. */
export const MAX_CONTROL_BYTES = 1 << 20;
/** Ranges that one acknowledgement may carry. */
export const MAX_ACK_RANGES = 64;
/** Characters of a text whose bytes are not counted before it is written. */
const SHORT_TEXT = 1024;
const MAX_ACK_BYTES = 8 + 16 * MAX_ACK_RANGES;

/** What the frames of a service connection turn into. */
export interface FrameReceiver {
  /** @param prompt whether the acknowledgement is waited for */
  onData(link: number, data: Payload, binary: boolean, prompt?: boolean): void;
  /**
   * @param count messages acknowledged without a gap
   * @param ranges further acknowledged messages: first and last number of each range, alternating
   */
  onAck(link: number, count: number, ranges: readonly number[]): void;
  onControl(message: ControlMessage): void;
}

/** Its buffer is used again, so that a control message costs none. */
const encoder = new Encoder({ ignoreUndefined: true });

function header(
  target: Buffer,
  at: number,
  type: number,
  flags: number,
  link: number,
  length: number,
) {
  target[at] = type;
  target[at + 1] = flags;
  writeWord(target, at + 2, link);
  writeWord(target, at + 6, length);
}

function writeWord(target: Buffer, at: number, value: number) {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

const readWord = (bytes: Buffer, at: number) =>
  bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);

/** What a text takes at most: the exact length is known when it is written. */
const mostBytes = (text: string) =>
  text.length <= SHORT_TEXT ? text.length * 3 : Buffer.byteLength(text);

/** Collects the frames of one turn in one buffer. */
export class FrameWriter {
  private buffer: Buffer;
  private used: number;
  /** Payload of the last data frame, and where it is: one that goes to many is written once. */
  private lastData: Payload | undefined;
  private lastIsBinary = false;
  private lastAt = 0;

  /** @param room bytes to leave free in front of what is collected */
  constructor(
    private readonly initialBytes = 16_384,
    private readonly room = 0,
  ) {
    this.buffer = Buffer.allocUnsafe(initialBytes);
    this.used = room;
  }

  /** Bytes collected. */
  get length(): number {
    return this.used - this.room;
  }

  data(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    const flags = (binary ? FLAG_BINARY : 0) | (prompt ? FLAG_PROMPT : 0);
    if (this.isLast(data, binary)) {
      this.reserve(HEADER_BYTES);
      header(this.buffer, this.used, MessageType.Data, flags | FLAG_SAME, link, 0);
      this.used += HEADER_BYTES;
      return;
    }
    const isText = typeof data === 'string';
    this.reserve(HEADER_BYTES + (isText ? mostBytes(data) : data.length));
    const at = this.used + HEADER_BYTES;
    const length = isText ? this.buffer.write(data, at) : data.length;
    if (!isText) this.buffer.set(data, at);
    header(this.buffer, this.used, MessageType.Data, flags, link, length);
    this.used = at + length;
    this.lastData = data;
    this.lastIsBinary = binary;
    this.lastAt = at;
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    const length = 8 + 8 * ranges.length;
    this.reserve(HEADER_BYTES + length);
    header(this.buffer, this.used, MessageType.Ack, 0, link, length);
    this.used += HEADER_BYTES;
    this.number(count);
    for (const number of ranges) this.number(number);
  }

  control(message: ControlMessage): void {
    const { type, link = 0, ...body } = message as ControlMessage & { link?: number };
    const encoded = encoder.encodeSharedRef(body);
    this.reserve(HEADER_BYTES + encoded.length);
    header(this.buffer, this.used, type, 0, link, encoded.length);
    this.buffer.set(encoded, this.used + HEADER_BYTES);
    this.used += HEADER_BYTES + encoded.length;
  }

  /** What was collected is before {@link end}, behind the room. */
  get bytes(): Buffer {
    return this.buffer;
  }

  get end(): number {
    return this.used;
  }

  /**
   * Starts anew.
   * @param reuse whether the bytes may be used again; otherwise the writer never touches them any more
   */
  clear(reuse: boolean): void {
    this.used = this.room;
    this.lastData = undefined;
    if (reuse && this.buffer.length === this.initialBytes) return;
    this.buffer = Buffer.allocUnsafe(this.initialBytes);
  }

  /** Whether it is what the last data frame has. Bytes may have changed since. */
  private isLast(data: Payload, binary: boolean): boolean {
    if (data !== this.lastData || binary !== this.lastIsBinary) return false;
    if (typeof data === 'string') return true;
    const { buffer, lastAt } = this;
    return buffer.compare(data, 0, data.length, lastAt, lastAt + data.length) === 0;
  }

  private number(value: number) {
    writeWord(this.buffer, this.used, Math.floor(value / 0x100000000));
    writeWord(this.buffer, this.used + 4, value % 0x100000000);
    this.used += 8;
  }

  private reserve(bytes: number) {
    const needed = this.used + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }
}

const NO_RANGES: readonly number[] = [];

const badFrame = (reason: string) => new ProtocolError(ServiceCloseCode.BadFrame, reason);

function readAck(batch: Buffer, at: number, end: number, link: number, receiver: FrameReceiver) {
  if ((end - at) % 16 !== 8) throw badFrame(`acknowledgement of ${end - at} bytes`);
  if (end - at > MAX_ACK_BYTES) {
    throw new ProtocolError(ServiceCloseCode.TooLarge, `acknowledgement of ${end - at} bytes`);
  }
  const first = readNumber(batch, at);
  if (end - at === 8) {
    receiver.onAck(link, first, NO_RANGES);
    return;
  }
  const numbers: number[] = [];
  for (; at < end; at += 8) {
    const number = readNumber(batch, at);
    if (numbers.length > 0 && number < numbers[numbers.length - 1]!) {
      throw badFrame('acknowledged ranges are not in ascending order');
    }
    numbers.push(number);
  }
  receiver.onAck(link, first, numbers.slice(1));
}

function readNumber(batch: Buffer, at: number): number {
  const number = readWord(batch, at) * 0x100000000 + readWord(batch, at + 4);
  if (number > Number.MAX_SAFE_INTEGER) throw badFrame('acknowledgement out of range');
  return number;
}

function readControl(type: number, link: number, body: Buffer): ControlMessage | undefined {
  const schema = MESSAGE_SCHEMAS.get(type);
  if (!schema) return undefined;
  let fields: unknown;
  try {
    fields = decodeMessagePack(body);
  } catch {
    throw badFrame(`message 0x${type.toString(16)} is not MessagePack`);
  }
  const fault = schema(fields);
  if (fault) {
    throw new ProtocolError(ServiceCloseCode.BadField, `message 0x${type.toString(16)}: ${fault}`);
  }
  return { ...(fields as object), type, link } as ControlMessage;
}

/**
 * Reads one batch: whole frames, one after the other. Message types it does not know are skipped.
 * @param maxDataBytes limit of a data frame's payload
 * @param asText whether text is handed over as a string, not as its bytes
 * @throws ProtocolError naming the fault; frames before it have been given to the receiver
 */
export function readFrames(
  batch: Buffer,
  receiver: FrameReceiver,
  maxDataBytes: number,
  asText = false,
): void {
  let at = 0;
  let last: Payload | undefined;
  let lastIsBinary = false;
  while (at < batch.length) {
    if (batch.length - at < HEADER_BYTES) throw badFrame('truncated frame header');
    const type = batch[at]!;
    const flags = batch[at + 1]!;
    const link = readWord(batch, at + 2);
    const length = readWord(batch, at + 6);
    const limit = type === MessageType.Data ? maxDataBytes : MAX_CONTROL_BYTES;
    if (length > limit) {
      throw new ProtocolError(
        ServiceCloseCode.TooLarge,
        `frame 0x${type.toString(16)} of ${length} bytes, limit ${limit}`,
      );
    }
    at += HEADER_BYTES;
    const end = at + length;
    if (end > batch.length) throw badFrame('truncated frame body');
    if (type === MessageType.Data) {
      if (flags > (FLAG_BINARY | FLAG_PROMPT | FLAG_SAME)) {
        throw badFrame(`unknown data flags 0x${flags.toString(16)}`);
      }
      const binary = (flags & FLAG_BINARY) !== 0;
      if ((flags & FLAG_SAME) === 0) {
        last = asText && !binary ? batch.toString('utf8', at, end) : batch.subarray(at, end);
        lastIsBinary = binary;
      } else if (last === undefined || length > 0 || binary !== lastIsBinary) {
        throw badFrame('data frame without the one whose payload it has');
      }
      receiver.onData(link, last, binary, (flags & FLAG_PROMPT) !== 0);
    } else if (type === MessageType.Ack) {
      readAck(batch, at, end, link, receiver);
    } else {
      const message = readControl(type, link, batch.subarray(at, end));
      if (message) receiver.onControl(message);
    }
    at = end;
  }
}
