import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pathOf = (name: string) => fileURLToPath(new URL(`./tls/${name}`, import.meta.url));

/**
 * The authority that has signed {@link trusted}; nobody has its key. Test processes trust it, by
 * NODE_EXTRA_CA_CERTS in vitest.config.ts. All certificates are valid from 2024 to 2123.
 */
export const AUTHORITY = pathOf('ca.crt');

/** Key and certificate of a server, for `createServer` of node:https. */
export interface Identity {
  readonly key: Buffer;
  readonly cert: Buffer;
}

const identity = (name: string): Identity => ({
  key: readFileSync(pathOf(`${name}.key`)),
  cert: readFileSync(pathOf(`${name}.crt`)),
});

/** For `localhost` and `[::1]`, not for 127.0.0.1. */
export const trusted = identity('localhost');

/** For the same names, but signed by itself. */
export const stranger = identity('stranger');
