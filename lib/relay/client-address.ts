import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { addressList } from '../options/index.js';

/** An address as people write it: an IPv4 address that came over an IPv6 socket is an IPv4 address. */
export function plainAddress(address: string | undefined): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address ?? '') ?? [];
  return mapped ?? address ?? '';
}

/** Reads the address of a request's client. */
export type AddressReader = (request: IncomingMessage) => string;

/**
 * The peer is the client, unless it is a trusted proxy: then the client is the rightmost address of
 * `X-Forwarded-For` that is not a trusted proxy itself. A malformed entry ends the search, as nobody
 * who is trusted vouches for those left of it.
 */
export function createAddressReader(trustedProxies: readonly string[]): AddressReader {
  const trusted = addressList(trustedProxies);
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return ({ socket, headers }) => {
    let address = plainAddress(socket.remoteAddress);
    if (trustedProxies.length === 0) return address;
    const forwarded = headers['x-forwarded-for'];
    const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',');
    while (hops.length > 0 && isTrusted(address)) {
      const hop = parseHop(hops.pop()!);
      if (hop === undefined) break;
      address = hop;
    }
    return address;
  };
}

/** An entry of `X-Forwarded-For`: an address, by some proxies with a port. */
function parseHop(entry: string): string | undefined {
  const text = entry.trim();
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? [];
  const [, withPort] = /^([\d.]+):\d+$/.exec(text) ?? [];
  const address = plainAddress(bracketed ?? withPort ?? text);
  return isIP(address) !== 0 && !address.includes('%') ? address : undefined;
}
