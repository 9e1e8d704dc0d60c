import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { minLength } from 'class-validator';
import { describeType } from './describe-value.js';
import type { Rule } from './rules.js';

const SHORTEST_SECRET = 32;
const SHORTEST_RSA_BITS = 2048;
const KEY_TYPES = `Ed25519, EC P-256, or RSA of at least ${SHORTEST_RSA_BITS} bits`;

/** A shared secret. */
export const secret: Rule = {
  accepted: `a string of at least ${SHORTEST_SECRET} characters`,
  accepts: (value) => typeof value === 'string' && minLength(value, SHORTEST_SECRET),
  show: describeType,
};

/** A token that can be sent as `Authorization: Bearer` (RFC 6750). */
export const bearerToken: Rule = {
  accepted: `a bearer token of at least ${SHORTEST_SECRET} characters: letters, digits and -._~+/, then =`,
  accepts: (value) => secret.accepts(value) && /^[\w\-.~+/]+=*$/.test(value as string),
  show: describeType,
};

/** A key to sign with. */
export const privateKey: Rule = {
  accepted: `a private key in PEM, PKCS#8 and not encrypted (${KEY_TYPES})`,
  accepts: (value) => isKey(value, '-----BEGIN PRIVATE KEY-----', createPrivateKey),
  show: describeType,
};

/** A key to verify with. */
export const publicKey: Rule = {
  accepted: `a public key in PEM, SPKI (${KEY_TYPES})`,
  accepts: (value) => isKey(value, '-----BEGIN PUBLIC KEY-----', createPublicKey),
  show: describeType,
};

function isKey(value: unknown, header: string, parse: (pem: string) => KeyObject): boolean {
  if (typeof value !== 'string' || !value.startsWith(header)) {
    return false;
  }
  try {
    return isSupported(parse(value));
  } catch {
    return false;
  }
}

function isSupported({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  switch (asymmetricKeyType) {
    case 'ed25519':
      return true;
    case 'ec':
      return asymmetricKeyDetails?.namedCurve === 'prime256v1';
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= SHORTEST_RSA_BITS;
    default:
      return false;
  }
}
