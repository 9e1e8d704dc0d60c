import { createHmac, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { resolveOptions } from '../options/index.js';
import type { SecurityOptions } from '../options/index.js';
import { TokenError, createTokenSigner, createTokenVerifier } from './service-token.js';

const SECRETS = [
  'first-secret-of-at-least-32-characters',
  'other-secret-of-at-least-32-characters',
];

const security = (options: Partial<SecurityOptions>) =>
  resolveOptions({ security: options }).security;
const signer = (options: Partial<SecurityOptions>) => createTokenSigner(security(options))!;
const verifier = (options: Partial<SecurityOptions>) => createTokenVerifier(security(options))!;

function keyPair(type: 'ed25519' | 'ec' | 'rsa') {
  const { publicKey, privateKey } = generate(type);
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function generate(type: 'ed25519' | 'ec' | 'rsa') {
  if (type === 'ed25519') return generateKeyPairSync('ed25519');
  if (type === 'ec') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function claims(more: object = {}) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: 'nestjs-ws-migration',
    aud: 'nestjs-ws-migration:relay',
    sub: 'server-1',
    iat: now,
    exp: now + 60,
    ...more,
  };
}

function forge(header: object, payload: object, key: string) {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

const signed = (payload: object) => forge({ alg: 'HS256' }, payload, SECRETS[0]!);

afterEach(() => void vi.useRealTimers());

describe('service tokens', () => {
  it('need a key', () => {
    expect(createTokenSigner(security({}))).toBeUndefined();
    expect(createTokenVerifier(security({}))).toBeUndefined();
  });

  it('name the server they were made for', async () => {
    const token = await signer({ secrets: SECRETS })('server-1');
    expect(await verifier({ secrets: SECRETS })(token)).toEqual({ serverId: 'server-1' });
  });

  it.each(['ed25519', 'ec', 'rsa'] as const)('are signed with a key pair: %s', async (type) => {
    const { privateKey, publicKey } = keyPair(type);
    const token = await signer({ privateKey })('server-1');
    const publicKeys = [keyPair('ed25519').publicKey, publicKey];
    expect(await verifier({ publicKeys })(token)).toEqual({ serverId: 'server-1' });
    await expect(verifier({ publicKeys: [keyPair(type).publicKey] })(token)).rejects.toThrow(
      'the signature matches no configured key',
    );
  });

  it('outlive the rotation of a secret', async () => {
    const old = await signer({ secrets: [SECRETS[0]!] })('server-1');
    const fresh = await signer({ secrets: [SECRETS[1]!] })('server-1');
    const verify = verifier({ secrets: [SECRETS[1]!, SECRETS[0]!] });
    expect(await verify(old)).toEqual(await verify(fresh));
    await expect(verifier({ secrets: [SECRETS[1]!] })(old)).rejects.toThrow(TokenError);
  });

  it('expire', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const token = await signer({ secrets: SECRETS, tokenLifetimeSeconds: 60 })('server-1');
    const verify = verifier({ secrets: SECRETS, tokenLifetimeSeconds: 60 });
    vi.setSystemTime(Date.now() + 85_000);
    expect(await verify(token)).toEqual({ serverId: 'server-1' });
    vi.setSystemTime(Date.now() + 10_000);
    await expect(verify(token)).rejects.toThrow('the token has expired');
  });

  it('may not live longer than the relay allows', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = signed(claims({ iat: now - 3600, exp: now + 3600 }));
    await expect(verifier({ secrets: SECRETS })(token)).rejects.toThrow('the token has expired');
  });

  it.each([
    ['iss', 'somebody else'],
    ['aud', 'another relay'],
    ['iss', undefined],
    ['sub', undefined],
    ['sub', ''],
    ['sub', 'x'.repeat(129)],
    ['exp', undefined],
    ['iat', undefined],
    ['iat', Math.floor(Date.now() / 1000) + 3600],
  ])('are refused with the claim %s: %s', async (name, value) => {
    const token = signed(claims({ [name]: value }));
    const failure = await verifier({ secrets: SECRETS })(token).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TokenError);
    expect((failure as Error).message).toContain(`claim "${name}"`);
  });

  it('cannot choose their algorithm', async () => {
    const { privateKey, publicKey } = keyPair('rsa');
    const verify = verifier({ publicKeys: [publicKey] });
    const unsigned = `${encode({ alg: 'none' })}.${encode(claims())}.`;
    await expect(verify(unsigned)).rejects.toThrow(TokenError);
    const confused = forge({ alg: 'HS256' }, claims(), publicKey);
    await expect(verify(confused)).rejects.toThrow('the algorithm is not that of a configured key');
    const other = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'PS256' })
      .sign(createPrivateKey(privateKey));
    await expect(verify(other)).rejects.toThrow('the algorithm is not that of a configured key');
    await expect(verifier({ secrets: SECRETS })(unsigned)).rejects.toThrow(TokenError);
  });

  it.each(['', 'x', 'a.b.c', '..', `${'x'.repeat(10_000)}.y.z`])(
    'are refused when they are garbage, without a word of them',
    async (token) => {
      await expect(verifier({ secrets: SECRETS })(token)).rejects.toThrow('not a signed JWT');
    },
  );
});
