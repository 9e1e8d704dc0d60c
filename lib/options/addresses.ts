import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

const LOOPBACK = addressList(['127.0.0.0/8', '::1']);

/** Whether text is an IP address or a CIDR range such as `10.0.0.0/8` or `fd00::/8`. */
export function isAddressRange(text: string): boolean {
  try {
    addressList([text]);
    return true;
  } catch {
    return false;
  }
}

/** A list of addresses and CIDR ranges to check client addresses against. */
export function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [, address = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) {
      list.addAddress(address, family);
    } else {
      list.addSubnet(address, Number(prefix), family);
    }
  }
  return list;
}

/**
 * An IP address in the one way in which it is compared: IPv6 as sockets write it, but an IPv4 address
 * that is written as IPv6 is that IPv4 address. `undefined` for other text, and with a zone.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const short = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** The first address of the network that a canonical address is in. */
export function networkAddress(address: string, prefix: number): string {
  const width = isIPv4(address) ? 8 : 16;
  const groups = isIPv4(address) ? address.split('.').map(Number) : groupsOf(address);
  const ones = 2 ** width - 1;
  const masked = groups.map((group, index) => {
    const kept = Math.min(Math.max(prefix - width * index, 0), width);
    return group & (ones << (width - kept)) & ones;
  });
  if (width === 8) return masked.join('.');
  return new URL(`http://[${masked.map((group) => group.toString(16)).join(':')}]/`).hostname.slice(
    1,
    -1,
  );
}

function groupsOf(address: string): number[] {
  const [left = [], right = []] = address
    .split('::')
    .map((part) => part.split(':').filter(Boolean))
    .map((part) => part.map((group) => Number.parseInt(group, 16)));
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** Whether a host can be reached from this machine alone: 127.0.0.0/8, ::1 or localhost. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const version = isIP(name);
  if (version === 0) {
    return name === 'localhost' || name.endsWith('.localhost');
  }
  return LOOPBACK.check(name, version === 6 ? 'ipv6' : 'ipv4');
}
