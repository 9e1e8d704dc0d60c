import { isIPv4 } from 'node:net';

interface Address {
  address: string;
  port: number;
}

/** A header of the PROXY protocol, version 2, with some bytes of TLVs. */
export function v2Header(source: Address, destination: Address, extra = 0): Buffer {
  const addresses = [source, destination].map(({ address }) => bytesOf(address));
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port);
  ports.writeUInt16BE(destination.port, 2);
  const body = Buffer.concat([...addresses, ports, Buffer.alloc(extra, 4)]);
  const head = Buffer.from('0d0a0d0a000d0a515549540a21000000', 'hex');
  head[13] = isIPv4(source.address) ? 0x11 : 0x21;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}

function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [, v4] = /^::ffff:([\d.]+)$/.exec(address) ?? [];
  if (v4) return Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), bytesOf(v4)]);
  const [left = '', right = ''] = address.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const missing = 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
