import { Buffer, isUtf8 } from 'node:buffer';
import { CloseCode, isSendableCode } from '../close-codes.js';
import { maskInPlace, unmask } from './masks.js';

/** Opcodes of RFC 6455, 5.2. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;

/** What a peer's frames turn into. */
export interface FrameEvents {
  onMessage(data: Buffer, binary: boolean): void;
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** @param code 1005 when the frame carries none */
  onClose(code: number, reason: string): void;
}

/** What a peer sent breaks the protocol or a limit. */
export class FrameError extends Error {
  /** @param code with which the connection is to be closed */
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** A payload of which only a part has arrived. */
interface PartialPayload {
  readonly opcode: number;
  readonly final: boolean;
  readonly mask: Buffer | undefined;
  readonly length: number;
  /** Grows with what arrives: a length that is only announced must not cost memory. */
  buffer: Buffer;
  filled: number;
}

const LONGEST_CONTROL_PAYLOAD = 125;
const FIRST_PART_BYTES = 4096;
const EMPTY = Buffer.alloc(0);
const MASK_BYTES = 4;

const protocolError = (text: string) => new FrameError(CloseCode.ProtocolError, text);

/**
 * Reads a peer's frames (RFC 6455), wherever its bytes are cut. Extensions are not supported: no
 * reserved bit may be set.
 */
export class FrameReader {
  /** The beginning of a header. */
  private header: Buffer | undefined;
  private partial: PartialPayload | undefined;
  /** Opcode and payload so far of a message in fragments. */
  private fragmentsOpcode = 0;
  private fragments: Buffer | undefined;
  private fragmentsBytes = 0;
  private over = false;
  private readonly maskBytes: number;

  /**
   * @param maxPayload limit of a message in bytes
   * @param peer a client masks its frames, a server does not
   */
  constructor(
    private readonly maxPayload: number,
    private readonly events: FrameEvents,
    peer: 'client' | 'server' = 'client',
  ) {
    this.maskBytes = peer === 'client' ? MASK_BYTES : 0;
  }

  /** Reads no further, also within the bytes that are being read. */
  stop(): void {
    this.over = true;
    this.header = this.partial = this.fragments = undefined;
  }

  /**
   * Reads the first `end` bytes of `chunk`, which may be overwritten afterwards.
   * @throws FrameError, after the events of all that came before; nothing may be read any more then
   */
  read(chunk: Uint8Array, end: number): void {
    let bytes = chunk;
    let to = end;
    let at = 0;
    if (this.partial) {
      at = this.continue(this.partial, chunk, end);
    } else if (this.header) {
      bytes = Buffer.concat([this.header, chunk.subarray(0, end)]);
      to = bytes.length;
      this.header = undefined;
    }
    while (!this.over && to - at >= 2) {
      const next = this.readFrame(bytes, at, to);
      if (next === at) break;
      at = next;
    }
    if (at < to && !this.over) this.header = Buffer.from(bytes.subarray(at, to));
  }

  /** @returns where the next frame begins; `at` when the header is not complete */
  private readFrame(bytes: Uint8Array, at: number, to: number): number {
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    this.check(first, second);
    let length = second & 0x7f;
    const { maskBytes } = this;
    let from = at + 2 + maskBytes;
    if (length === 126) {
      if (to - at < 4) return at;
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      from += 2;
    } else if (length === 127) {
      if (to - at < 10) return at;
      length = readLength(bytes, at + 2);
      from += 8;
    }
    const opcode = first & 0x0f;
    if (opcode < Opcode.Close && length + this.fragmentsBytes > this.maxPayload) {
      throw new FrameError(CloseCode.TooLarge, `message larger than ${this.maxPayload} bytes`);
    }
    if (to < from) return at;
    const final = first >= 0x80;
    const available = to - from;
    if (available >= length) {
      this.onFrame(opcode, final, this.payloadOf(bytes, from, length));
      return from + length;
    }
    this.partial = {
      opcode,
      final,
      mask: maskBytes === 0 ? undefined : Buffer.from(bytes.subarray(from - maskBytes, from)),
      length,
      buffer: Buffer.allocUnsafe(Math.min(length, Math.max(available * 2, FIRST_PART_BYTES))),
      filled: 0,
    };
    this.take(this.partial, bytes, from, available);
    return to;
  }

  /** A copy, without the mask. */
  private payloadOf(bytes: Uint8Array, from: number, length: number): Buffer {
    if (length === 0) return EMPTY;
    if (this.maskBytes > 0) return unmask(bytes, from, length);
    return Buffer.from(bytes.subarray(from, from + length));
  }

  /** @returns where the next frame begins */
  private continue(partial: PartialPayload, chunk: Uint8Array, end: number): number {
    const count = Math.min(partial.length - partial.filled, end);
    this.take(partial, chunk, 0, count);
    if (partial.filled === partial.length) {
      this.partial = undefined;
      if (partial.mask) maskInPlace(partial.buffer, partial.mask);
      this.onFrame(partial.opcode, partial.final, partial.buffer);
    }
    return count;
  }

  private take(partial: PartialPayload, bytes: Uint8Array, from: number, count: number) {
    const needed = partial.filled + count;
    if (needed > partial.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(partial.length, needed * 2));
      partial.buffer.copy(larger, 0, 0, partial.filled);
      partial.buffer = larger;
    }
    partial.buffer.set(bytes.subarray(from, from + count), partial.filled);
    partial.filled = needed;
  }

  private check(first: number, second: number) {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw protocolError('reserved bits are set');
    if (second >= 0x80 !== this.maskBytes > 0) {
      throw protocolError(`the frame is ${second >= 0x80 ? 'masked' : 'not masked'}`);
    }
    if (opcode >= Opcode.Close) {
      if (opcode > Opcode.Pong) throw protocolError(`unknown opcode ${opcode}`);
      if (first < 0x80) throw protocolError('a control frame in fragments');
      const length = second & 0x7f;
      if (length > LONGEST_CONTROL_PAYLOAD) throw protocolError('control frame too long');
      if (opcode === Opcode.Close && length === 1) throw protocolError('half a close code');
    } else if (opcode > Opcode.Binary) {
      throw protocolError(`unknown opcode ${opcode}`);
    } else if ((opcode === Opcode.Continuation) !== (this.fragmentsOpcode !== 0)) {
      throw protocolError(
        opcode === 0 ? 'a fragment without a message' : 'a message within another',
      );
    }
  }

  private onFrame(opcode: number, final: boolean, payload: Buffer) {
    if (opcode < Opcode.Close) {
      if (final && opcode !== Opcode.Continuation) this.onMessage(opcode, payload);
      else this.onFragment(opcode, final, payload);
    } else if (opcode === Opcode.Ping) {
      this.events.onPing(payload);
    } else if (opcode === Opcode.Pong) {
      this.events.onPong(payload);
    } else {
      this.onClose(payload);
    }
  }

  private onMessage(opcode: number, payload: Buffer) {
    if (opcode === Opcode.Text && !isText(payload)) {
      throw new FrameError(CloseCode.InvalidText, 'text that is no UTF-8');
    }
    this.events.onMessage(payload, opcode === Opcode.Binary);
  }

  /** All fragments are in one buffer that grows, so that many small ones cost no more than one. */
  private onFragment(opcode: number, final: boolean, payload: Buffer) {
    if (opcode !== Opcode.Continuation) this.fragmentsOpcode = opcode;
    const bytes = this.fragmentsBytes + payload.length;
    if (!this.fragments || bytes > this.fragments.length) {
      const larger = Buffer.allocUnsafe(final ? bytes : Math.min(this.maxPayload, bytes * 2));
      this.fragments?.copy(larger, 0, 0, this.fragmentsBytes);
      this.fragments = larger;
    }
    this.fragments.set(payload, this.fragmentsBytes);
    this.fragmentsBytes = bytes;
    if (!final) return;
    const whole = this.fragments.subarray(0, bytes);
    const type = this.fragmentsOpcode;
    this.fragments = undefined;
    this.fragmentsOpcode = this.fragmentsBytes = 0;
    this.onMessage(type, whole);
  }

  private onClose(payload: Buffer) {
    this.over = true;
    if (payload.length === 0) {
      this.events.onClose(CloseCode.None, '');
      return;
    }
    const code = payload.readUInt16BE(0);
    if (!isSendableCode(code)) throw protocolError(`close code ${code}`);
    const reason = payload.subarray(2);
    if (!isText(reason)) {
      throw new FrameError(CloseCode.InvalidText, 'a close reason that is no UTF-8');
    }
    this.events.onClose(code, reason.toString());
  }
}

/** @throws FrameError above what a number can hold */
function readLength(bytes: Uint8Array, at: number): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + at, 8);
  const high = view.readUInt32BE(0);
  if (high > 0x1fffff) throw new FrameError(CloseCode.TooLarge, 'a length of more than 53 bits');
  return high * 0x100000000 + view.readUInt32BE(4);
}

/** Short payloads are usually ASCII, which is found out faster without a call into native code. */
function isText(payload: Buffer): boolean {
  const { length } = payload;
  if (length > 96) return isUtf8(payload);
  for (let i = 0; i < length; i++) if (payload[i]! >= 0x80) return isUtf8(payload);
  return true;
}
