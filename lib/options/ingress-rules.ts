import { isIP } from 'node:net';
import { isAddressRange } from './addresses.js';
import { describeValue } from './describe-value.js';
import type { Rule } from './rules.js';

/** An entry of `relay.ingresses`. */
export interface IngressEntry {
  readonly id: string;
  /** An IP address as it is usually written, or a CIDR range. */
  readonly address: string;
  readonly port?: number;
  readonly isRange: boolean;
}

const ENTRY = /^([\x21-\x3c\x3e-\x7e]{1,128})=(.+)$/;
const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+)):([1-9]\d{0,4})$/;

/** Reads `id=address`; `undefined` when it is malformed. */
export function parseIngress(text: string): IngressEntry | undefined {
  const [, id, where] = ENTRY.exec(text) ?? [];
  if (id === undefined || where === undefined) return undefined;
  const [, v6, v4, port] = WITH_PORT.exec(where) ?? [];
  if (port !== undefined) {
    const address = v6 ?? v4!;
    const isValid = isIP(address) === (v6 === undefined ? 4 : 6) && Number(port) <= 65_535;
    return isValid
      ? { id, address: usual(address), port: Number(port), isRange: false }
      : undefined;
  }
  if (isIP(where) !== 0) return { id, address: usual(where), isRange: false };
  return isAddressRange(where) ? { id, address: where, isRange: true } : undefined;
}

/** An IPv6 address in the one way in which sockets write it. */
function usual(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
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
