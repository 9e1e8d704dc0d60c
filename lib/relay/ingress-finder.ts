import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import { addressList, parseIngress } from '../options/index.js';
import type { ResolvedRelayOptions } from '../options/index.js';
import { plainAddress } from './client-address.js';
import type { FailureLog } from './failure-log.js';
import type { ProxiedAddress, ProxyHeader } from './proxy-protocol.js';

type IngressOptions = Pick<ResolvedRelayOptions, 'ingressHeader' | 'ingresses'>;

/** Tells through which ingress instance a request came; `undefined` when that is not known. */
export type IngressFinder = (request: IncomingMessage) => string | undefined;

const IDENTIFIER = /^[\x21-\x7e]{1,128}$/;

/**
 * By the header that the ingress sets, else by the address that the client connected to (PROXY
 * protocol), else by the peer's address. A header that is no identifier is logged and left out.
 * @param isTrusted whether the TCP peer is a proxy whose headers are believed
 */
export function createIngressFinder(
  { ingressHeader, ingresses }: IngressOptions,
  isTrusted: (address: string) => boolean,
  headerOf: (socket: object) => ProxyHeader | undefined,
  failures: FailureLog,
): IngressFinder {
  const name = ingressHeader?.toLowerCase();
  const byAddress = createAddressMap(ingresses);
  return ({ headers, socket }) => {
    const peer = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const value = name !== undefined && isTrusted(peer.address) ? headers[name] : undefined;
    if (typeof value === 'string' && IDENTIFIER.test(value)) return value;
    if (value !== undefined) {
      const accepted = '1 to 128 visible ASCII characters';
      failures.warn(peer.address, `${name} names no ingress: its value must be ${accepted}`);
    }
    const destination = headerOf(socket)?.destination;
    return (destination && byAddress(destination)) ?? byAddress(peer);
  };
}

/** Finds the ingress with an address: by address and port, else by address, else by range. */
function createAddressMap(entries: readonly string[]) {
  const exact = new Map<string, string>();
  const ranges: { id: string; list: BlockList; prefix: number }[] = [];
  for (const entry of entries) {
    const { id, address, port, prefix } = parseIngress(entry)!;
    if (prefix !== undefined)
      ranges.push({ id, list: addressList([`${address}/${prefix}`]), prefix });
    else exact.set(port === undefined ? address : `${address} ${port}`, id);
  }
  // The smallest range first.
  ranges.sort((a, b) => b.prefix - a.prefix);
  return ({ address, port }: ProxiedAddress): string | undefined => {
    const found = exact.get(`${address} ${port}`) ?? exact.get(address);
    if (found !== undefined || ranges.length === 0) return found;
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    return ranges.find(({ list }) => list.check(address, family))?.id;
  };
}
