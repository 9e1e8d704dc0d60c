import { Buffer } from 'node:buffer';
import { isIPv4, isIPv6 } from 'node:net';

const V1_START = Buffer.from('PROXY ');
const V1_MAX_BYTES = 107;
const V2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
/** Longest header that is taken, TLVs included. */
const V2_MAX_BYTES = 4096;
const PORT = /^(?:0|[1-9]\d{0,4})$/;

/** An address and port that a proxy names. */
export interface ProxiedAddress {
  readonly address: string;
  readonly port: number;
}

/** What a proxy says of a connection (PROXY protocol, versions 1 and 2). */
export interface ProxyHeader {
  /** Bytes of the header. */
  readonly length: number;
  /** The proxy speaks for itself, for example to see whether we live. */
  readonly isLocal?: boolean;
  /** Who connected to the proxy; absent when it speaks for itself or does not know. */
  readonly source?: ProxiedAddress;
  /** Where the client connected to: an address of the proxy. */
  readonly destination?: ProxiedAddress;
}

/** A header that is not as the PROXY protocol has it. */
export class ProxyProtocolError extends Error {
  override readonly name = 'ProxyProtocolError';
}

/**
 * Reads the header at the begin of a connection.
 * @returns `absent` when these are other bytes, `incomplete` when more are needed to know
 * @throws ProxyProtocolError
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'absent' | 'incomplete' {
  if (startsLike(bytes, V2_START)) {
    return bytes.length < V2_FIXED_BYTES ? 'incomplete' : parseV2(bytes);
  }
  if (startsLike(bytes, V1_START)) {
    return bytes.length < V1_START.length ? 'incomplete' : parseV1(bytes);
  }
  return 'absent';
}

function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function parseV1(bytes: Buffer): ProxyHeader | 'incomplete' {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length < V1_MAX_BYTES) return 'incomplete';
    throw new ProxyProtocolError(`a version 1 header of more than ${V1_MAX_BYTES} bytes`);
  }
  const length = end + 2;
  const [family, ...fields] = bytes.toString('latin1', V1_START.length, end).split(' ');
  if (family === 'UNKNOWN') return { length };
  const [source = '', destination = '', sourcePort = '', destinationPort = ''] = fields;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isUnzoned : () => false;
  const isWhole = fields.length === 4 && isAddress(source) && isAddress(destination);
  if (!isWhole || !isPort(sourcePort) || !isPort(destinationPort)) {
    throw new ProxyProtocolError('a malformed version 1 header');
  }
  return {
    length,
    source: { address: usual(source), port: Number(sourcePort) },
    destination: { address: usual(destination), port: Number(destinationPort) },
  };
}

const isUnzoned = (address: string) => isIPv6(address) && !address.includes('%');
const isPort = (text: string) => PORT.test(text) && Number(text) <= 65_535;

function parseV2(bytes: Buffer): ProxyHeader | 'incomplete' {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0x0f;
  if (version !== 2 || command > 1) {
    throw new ProxyProtocolError(`version ${version}, command ${command}`);
  }
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > V2_MAX_BYTES) {
    throw new ProxyProtocolError(`a version 2 header of more than ${V2_MAX_BYTES} bytes`);
  }
  if (bytes.length < length) return 'incomplete';
  if (command === 0) return { length, isLocal: true };
  const family = bytes[13]! >> 4;
  const protocol = bytes[13]! & 0x0f;
  if (family > 3 || protocol > 2) {
    throw new ProxyProtocolError(`address family ${family}, protocol ${protocol}`);
  }
  if (family !== 1 && family !== 2) return { length };
  const size = family === 1 ? 4 : 16;
  if (length < V2_FIXED_BYTES + 2 * size + 4) {
    throw new ProxyProtocolError('a version 2 header that is too short for its addresses');
  }
  const ports = V2_FIXED_BYTES + 2 * size;
  return {
    length,
    source: {
      address: addressIn(bytes, V2_FIXED_BYTES, size),
      port: bytes.readUInt16BE(ports),
    },
    destination: {
      address: addressIn(bytes, V2_FIXED_BYTES + size, size),
      port: bytes.readUInt16BE(ports + 2),
    },
  };
}

function addressIn(bytes: Buffer, offset: number, size: number): string {
  const part = bytes.subarray(offset, offset + size);
  if (size === 4) return part.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => part.readUInt16BE(2 * i).toString(16));
  return usual(groups.join(':'));
}

/** An address as sockets write it; an IPv4 address that is written as an IPv6 address is that one. */
function usual(address: string): string {
  if (!isIPv6(address)) return address;
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [, high = '', low = ''] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(text) ?? [];
  if (high === '') return text;
  const bits = [high, low].map((group) => parseInt(group, 16));
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join('.');
}
