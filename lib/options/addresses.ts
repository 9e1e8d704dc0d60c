import { BlockList, isIP } from 'node:net';

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

/** Whether a host can be reached from this machine alone: 127.0.0.0/8, ::1 or localhost. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const version = isIP(name);
  if (version === 0) {
    return name === 'localhost' || name.endsWith('.localhost');
  }
  return LOOPBACK.check(name, version === 6 ? 'ipv6' : 'ipv4');
}
