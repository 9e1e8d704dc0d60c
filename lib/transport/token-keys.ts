import { createPrivateKey, createPublicKey, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** A key and the one algorithm it is used with. What a token says of its algorithm is never believed. */
export interface TokenKey {
  readonly key: KeyObject;
  readonly algorithm: string;
}

/** A shared secret. */
export const secretKey = (secret: string): TokenKey => ({
  key: createSecretKey(secret, 'utf8'),
  algorithm: 'HS256',
});

/** A private key in PEM, PKCS#8. */
export const signingKey = (pem: string): TokenKey => asymmetric(createPrivateKey(pem));

/** A public key in PEM, SPKI. */
export const verifyingKey = (pem: string): TokenKey => asymmetric(createPublicKey(pem));

function asymmetric(key: KeyObject): TokenKey {
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return { key, algorithm: 'EdDSA' };
    case 'ec':
      return { key, algorithm: 'ES256' };
    case 'rsa':
      return { key, algorithm: 'RS256' };
    default:
      throw new Error(`A key of type ${key.asymmetricKeyType} cannot be used for tokens.`);
  }
}
