import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readOptions } from './read-options.js';

const SECRET = 'a secret that is long enough, 32+';

const problemsOf = (security: object) => readOptions({ security }).problems;
const linesOf = (security: object) =>
  problemsOf(security).map(({ path, text }) => `${path} ${text}`);

describe('secrets and keys', () => {
  const spki = { type: 'spki', format: 'pem' } as const;
  const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
  const ed25519 = generateKeyPairSync('ed25519');
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });

  it.each([ed25519, p256, rsa])('accepts a key pair %#', ({ privateKey, publicKey }) => {
    const security = {
      privateKey: privateKey.export(pkcs8),
      publicKeys: [publicKey.export(spki)],
    };
    expect(linesOf(security)).toEqual([]);
  });

  it.each([p384, shortRsa])('refuses other keys %#', ({ privateKey, publicKey }) => {
    const security = {
      privateKey: privateKey.export(pkcs8),
      publicKeys: [publicKey.export(spki)],
    };
    const paths = problemsOf(security).map(({ path }) => path);
    expect(paths).toEqual(['security.privateKey', 'security.publicKeys[0]']);
  });

  it('refuses keys in another form or in the wrong place', () => {
    const encrypted = ed25519.privateKey.export({
      ...pkcs8,
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    });
    const wrong = [
      encrypted,
      p256.privateKey.export({ type: 'sec1', format: 'pem' }),
      ed25519.publicKey.export(spki),
      '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----',
    ];
    for (const privateKey of wrong) {
      const [problem, ...others] = problemsOf({ privateKey });
      expect(others).toEqual([]);
      expect(problem?.text).toMatch(
        /^must be a private key .* \(got a string of \d+ characters\)$/,
      );
    }
    const swapped = { publicKeys: [ed25519.privateKey.export(pkcs8)] };
    expect(problemsOf(swapped)).toHaveLength(1);
  });

  it.each([
    [
      ['short'],
      'security.secrets[0] must be a string of at least 32 characters (got a string of 5 characters)',
    ],
    [
      SECRET,
      'security.secrets must be a list of at most 2, each a string of at least 32 characters (got a string of 33 characters)',
    ],
    [
      [SECRET, SECRET, SECRET],
      'security.secrets must be a list of at most 2, each a string of at least 32 characters (got a list of 3)',
    ],
  ])('refuses secrets %#', (secrets, line) => expect(linesOf({ secrets })).toEqual([line]));
});
