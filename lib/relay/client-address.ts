import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { addressList } from '../options/index.js';
import type { ProxiedAddress, ProxyHeader } from './proxy-protocol.js';

/** An address as people write it: an IPv4 address that came over an IPv6 socket is an IPv4 address. */
export function plainAddress(address: string | undefined): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address ?? '') ?? [];
  return mapped ?? address ?? '';
}

/** Reads the address of a request's client. */
export type AddressReader = (request: IncomingMessage) => ProxiedAddress;

/** Tells whether an address is that of a trusted proxy. */
export function createTrust(trustedProxies: readonly string[]): (address: string) => boolean {
  const trusted = addressList(trustedProxies);
  return (address) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** The peer of a socket, or whom a proxy named as its own peer by the PROXY protocol. */
export function peerOf(
  { remoteAddress, remotePort = 0 }: Pick<Socket, 'remoteAddress' | 'remotePort'>,
  header: ProxyHeader | undefined,
): ProxiedAddress {
  return header?.source ?? { address: plainAddress(remoteAddress), port: remotePort };
}

/**
 * The peer is the client, unless it is a trusted proxy: then the client is the rightmost address of
 * `X-Forwarded-For` that is not a trusted proxy itself, with port 0. A malformed entry ends the
 * search, as nobody who is trusted vouches for those left of it.
 */
export function createAddressReader(
  isTrusted: (address: string) => boolean,
  headerOf: (socket: object) => ProxyHeader | undefined,
): AddressReader {
  return ({ socket, headers }) => {
    const peer = peerOf(socket, headerOf(socket));
    let { address } = peer;
    if (!isTrusted(address)) return peer;
    const forwarded = headers['x-forwarded-for'];
    const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',');
    while (hops.length > 0 && isTrusted(address)) {
      const hop = parseHop(hops.pop()!);
      if (hop === undefined) break;
      address = hop;
    }
    return address === peer.address ? peer : { address, port: 0 };
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
