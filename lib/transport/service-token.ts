import { SignJWT, errors, jwtVerify } from 'jose';
import type { ResolvedSecurityOptions } from '../options/index.js';
import { secretKey, signingKey, verifyingKey } from './token-keys.js';
import type { TokenKey } from './token-keys.js';

const ISSUER = 'nestjs-ws-migration';
const AUDIENCE = 'nestjs-ws-migration:relay';
/** How far the clocks of two machines may differ, in seconds. */
const CLOCK_TOLERANCE_SECONDS = 30;
const MAX_SERVER_ID_LENGTH = 128;

/** Why a token was not accepted. Never holds any of the token's own text. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

/** Makes the token with which a hub server opens a service connection. */
export type TokenSigner = (serverId: string) => Promise<string>;
/** @throws TokenError that says which check failed */
export type TokenVerifier = (token: string) => Promise<{ serverId: string }>;

/** The signer of a hub server; `undefined` when it has neither a secret nor a private key. */
export function createTokenSigner(security: ResolvedSecurityOptions): TokenSigner | undefined {
  const { secrets, privateKey, tokenLifetimeSeconds } = security;
  const signer = secrets[0] ? secretKey(secrets[0]) : privateKey && signingKey(privateKey);
  if (!signer) return undefined;
  return (serverId) => {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT()
      .setProtectedHeader({ alg: signer.algorithm, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(serverId)
      .setIssuedAt(now)
      .setExpirationTime(now + tokenLifetimeSeconds)
      .sign(signer.key);
  };
}

/** The verifier of a relay; `undefined` when it has neither a secret nor a public key. */
export function createTokenVerifier(security: ResolvedSecurityOptions): TokenVerifier | undefined {
  const { secrets, publicKeys, tokenLifetimeSeconds } = security;
  const keys = [...secrets.map(secretKey), ...publicKeys.map(verifyingKey)];
  if (keys.length === 0) return undefined;
  return async (token) => {
    let failure: unknown;
    for (const key of keys) {
      try {
        return await verify(token, key, tokenLifetimeSeconds);
      } catch (error) {
        failure = error;
        if (!isOfOtherKey(error)) break;
      }
    }
    throw new TokenError(explain(failure));
  };
}

async function verify(token: string, { key, algorithm }: TokenKey, maxTokenAge: number) {
  const { payload } = await jwtVerify(token, key, {
    algorithms: [algorithm],
    issuer: ISSUER,
    audience: AUDIENCE,
    requiredClaims: ['exp', 'iat', 'sub'],
    maxTokenAge,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  });
  const serverId = payload.sub;
  if (typeof serverId !== 'string' || !serverId || serverId.length > MAX_SERVER_ID_LENGTH) {
    throw new TokenError('claim "sub" is not a serverId');
  }
  return { serverId };
}

/** Whether another key may verify the token. */
function isOfOtherKey(error: unknown): boolean {
  return (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed
  );
}

function explain(error: unknown): string {
  if (error instanceof TokenError) return error.message;
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return 'the signature matches no configured key';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return 'the algorithm is not that of a configured key';
  }
  if (error instanceof errors.JWTExpired) return 'the token has expired, or a clock is wrong';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `claim ${JSON.stringify(error.claim)} is ${error.reason === 'missing' ? 'missing' : 'wrong'}`;
  }
  return 'not a signed JWT';
}
