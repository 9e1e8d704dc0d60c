import type { Server } from 'node:http';
import { isLoopbackHost } from '../options/index.js';
import { plainAddress } from './client-address.js';

/** How to make a relay's service endpoint safe, for messages. */
const REMEDY =
  'set security.secrets or security.publicKeys (MIGRATION_SECURITY_SECRETS, ' +
  'MIGRATION_SECURITY_PUBLIC_KEYS), listen on a loopback address, or move service connections to ' +
  'an own loopback port with relay.servicePort or a Unix socket with relay.serviceSocket';

/** A relay that would let anybody in who can reach it. */
export class InsecureRelayError extends Error {
  override readonly name = 'InsecureRelayError';

  constructor(address: string) {
    super(
      `The relay does not start: it would accept service connections on ${address} from anybody; ${REMEDY}.`,
    );
  }
}

/** The line for a process that goes on without a service endpoint. */
export const notOffered = (address: string): string =>
  `Service connections from other processes are not accepted on ${address}; to accept them, ${REMEDY}.`;

/** The address at which others can reach a server; `undefined` when only this machine can. */
export function exposedAddress(server: Server): string | undefined {
  const address = server.address();
  if (address === null || typeof address === 'string') return undefined;
  return isLoopbackHost(plainAddress(address.address)) ? undefined : address.address;
}
