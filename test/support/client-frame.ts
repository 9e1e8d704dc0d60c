export interface Frame {
  readonly opcode: number;
  readonly final: boolean;
  readonly payload: Uint8Array;
}

export interface ClientFrame extends Frame {
  /** Four bytes. */
  readonly mask?: Uint8Array;
}

function lengthBytes(length: number, flag: 0 | 0x80): Buffer {
  if (length < 126) return Buffer.from([flag | length]);
  const long = length >= 65_536;
  const bytes = Buffer.alloc(long ? 9 : 3);
  bytes[0] = flag | (long ? 127 : 126);
  bytes.writeUIntBE(length, long ? 3 : 1, long ? 6 : 2);
  return bytes;
}

/** A frame as a client sends it. */
export function clientFrame({
  opcode,
  final,
  payload,
  mask = Uint8Array.of(0x12, 0x34, 0x56, 0x78),
}: ClientFrame): Buffer {
  const masked = Buffer.from(payload.map((byte, i) => byte ^ mask[i & 3]!));
  return Buffer.concat([first(opcode, final), lengthBytes(payload.length, 0x80), mask, masked]);
}

/** A frame as a server sends it. */
export const serverFrame = ({ opcode, final, payload }: Frame): Buffer =>
  Buffer.concat([first(opcode, final), lengthBytes(payload.length, 0), payload]);

const first = (opcode: number, final: boolean) => Buffer.from([(final ? 0x80 : 0) | opcode]);
