import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress, isAddressRange, networkAddress } from './addresses.js';
import { describeValue } from './describe-value.js';
import type { Rule } from './rules.js';

/** An entry of `relay.ingresses`. */
export interface IngressEntry {
  readonly id: string;
  /** A canonical IP address; of a range, the first. */
  readonly address: string;
  readonly port?: number;
  /** Bits that the addresses of a range have in common; absent for one address. */
  readonly prefix?: number;
}

type IngressPlace = Omit<IngressEntry, 'id'>;

const ENTRY = /^([\x21-\x3c\x3e-\x7e]{1,128})=(.+)$/;
const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+)):([1-9]\d{0,4})$/;
const RANGE = /^([^/]+)\/(\d{1,3})$/;
const HIGHEST_PORT = 65_535;

/** Reads `id=address`; `undefined` when it is malformed. */
export function parseIngress(text: string): IngressEntry | undefined {
  const [, id, where] = ENTRY.exec(text) ?? [];
  if (id === undefined || where === undefined) return undefined;
  const place = parsePort(where) ?? parseRange(where) ?? parseAddress(where);
  return place && { id, ...place };
}

/** The same text for entries with the same addresses. */
export function placeOf({ address, port, prefix }: IngressEntry): string {
  return `${address} ${port} ${prefix}`;
}

function parsePort(where: string): IngressPlace | undefined {
  const [, v6, v4, digits] = WITH_PORT.exec(where) ?? [];
  const written = v6 ?? v4 ?? '';
  const address = canonicalAddress(written);
  const isValid = v6 === undefined ? isIPv4(written) : isIPv6(written);
  const port = Number(digits);
  return isValid && address !== undefined && port <= HIGHEST_PORT ? { address, port } : undefined;
}

/** An IPv4 range that is written as IPv6 would match nothing, so it is none. */
function parseRange(where: string): IngressPlace | undefined {
  const [, written = '', bits] = RANGE.exec(where) ?? [];
  const address = canonicalAddress(written);
  const isPlain = address !== undefined && isIPv4(address) === isIPv4(written);
  if (!isPlain || !isAddressRange(where)) return undefined;
  const prefix = Number(bits);
  return { address: networkAddress(address, prefix), prefix };
}

function parseAddress(where: string): IngressPlace | undefined {
  const address = canonicalAddress(where);
  return address === undefined ? undefined : { address };
}

/** The address of an ingress instance. */
export const ingressAddress: Rule = {
  accepted: "'id=address' with an IP address, IP address and port, or CIDR range",
  accepts: (value) => typeof value === 'string' && parseIngress(value) !== undefined,
  show: describeValue,
};

/** The name of an HTTP header. */
export const headerName: Rule = {
  accepted: 'the name of an HTTP header',
  accepts: (value) =>
    typeof value === 'string' && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/.test(value),
  show: describeValue,
};
