import { describe, expect, it } from 'vitest';
import { codeOfError, cutReason, isSendableCode } from './close-codes.js';

describe('cutReason', () => {
  it('leaves a reason that fits', () => {
    expect(cutReason('x'.repeat(123))).toBe('x'.repeat(123));
  });

  it('never cuts within a character', () => {
    for (const text of ['é', '€', '😀']) {
      const cut = cutReason(`a${text.repeat(100)}`);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(123);
      expect(cut).toMatch(new RegExp(`^a(${text})+$`, 'u'));
    }
  });
});

describe('isSendableCode', () => {
  it.each([1000, 1001, 1003, 1007, 1012, 1014, 3000, 4999])('%i may be sent', (code) => {
    expect(isSendableCode(code)).toBe(true);
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000])('%i may not be sent', (code) => {
    expect(isSendableCode(code)).toBe(false);
  });
});

describe('codeOfError', () => {
  it.each([
    ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 1009],
    ['WS_ERR_INVALID_UTF8', 1007],
    ['WS_ERR_INVALID_OPCODE', 1002],
    ['ECONNRESET', 1006],
  ])('%s is %i', (code, expected) => {
    expect(codeOfError(Object.assign(new Error(), { code }))).toBe(expected);
  });
});
