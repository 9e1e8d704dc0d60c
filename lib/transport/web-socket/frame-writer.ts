import { Buffer } from 'node:buffer';
import { payloadBytes } from '../../protocol/retention.js';
import { maskInFrame } from './masks.js';

export type FramePayload = string | Uint8Array;
/** Opcode and payload of frames, alternating. */
export type Frames = readonly (number | FramePayload)[];

const FINAL = 0x80;

/** What a header needs at most, with a mask. */
export const MOST_HEADER_BYTES = 14;

const headerBytes = (length: number) => (length < 126 ? 2 : length < 65_536 ? 4 : 10);

/** Bytes that the frames have together. */
export function sizeOf(frames: Frames): number {
  let bytes = 0;
  for (let i = 1; i < frames.length; i += 2) {
    const length = payloadBytes(frames[i] as FramePayload);
    bytes += headerBytes(length) + length;
  }
  return bytes;
}

/** The frames as a server sends them: unmasked, each a whole message. */
export function encodeFrames(frames: Frames): Buffer {
  const bytes = Buffer.allocUnsafe(sizeOf(frames));
  let at = 0;
  for (let i = 0; i < frames.length; i += 2) {
    const payload = frames[i + 1] as FramePayload;
    const length = payloadBytes(payload);
    at = writeHeader(bytes, at, frames[i] as number, length);
    if (typeof payload === 'string') bytes.write(payload, at, length);
    else bytes.set(payload, at);
    at += length;
  }
  return bytes;
}

/** The header of a frame whose payload is sent from where it is. */
export function encodeHeader(opcode: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes(length));
  writeHeader(header, 0, opcode, length);
  return header;
}

/**
 * Puts a header right before a payload that has room in front of it, and masks the payload if asked to.
 * @param room bytes in front of the payload, at least {@link MOST_HEADER_BYTES}
 * @param end where the payload ends
 * @returns where the frame begins
 */
export function frameInPlace(
  bytes: Buffer,
  room: number,
  end: number,
  opcode: number,
  masked: boolean,
): number {
  const length = end - room;
  const maskAt = room - 4;
  const from = (masked ? maskAt : room) - headerBytes(length);
  writeHeader(bytes, from, opcode, length);
  if (masked) {
    bytes[from + 1]! |= 0x80;
    maskInFrame(bytes, room, end);
  }
  return from;
}

function writeHeader(bytes: Buffer, at: number, opcode: number, length: number): number {
  bytes[at] = FINAL | opcode;
  if (length < 126) {
    bytes[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    bytes[at + 1] = 126;
    bytes.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  bytes[at + 1] = 127;
  bytes.writeUInt32BE(Math.floor(length / 0x100000000), at + 2);
  bytes.writeUInt32BE(length % 0x100000000, at + 6);
  return at + 10;
}

/** The payload of a close frame. @param reason at most 123 bytes */
export function closePayload(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}
