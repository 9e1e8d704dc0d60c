import { Buffer } from 'node:buffer';
/** Close codes of RFC 6455 that are needed by name. */
export const CloseCode = {
  /** No code was given; never on the wire. */
  None: 1005,
  /** The connection was cut; never on the wire. */
  Abnormal: 1006,
  ProtocolError: 1002,
  InvalidText: 1007,
  PolicyViolation: 1008,
  TooLarge: 1009,
  InternalError: 1011,
} as const;

const MAX_REASON_BYTES = 123;

/** Cuts a close reason to what a close frame can carry, never within a character. */
export function cutReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  let end = MAX_REASON_BYTES;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** Whether a close frame may carry the code. */
export function isSendableCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

const CODES_OF_ERRORS: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: CloseCode.InvalidText,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: CloseCode.PolicyViolation,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: CloseCode.TooLarge,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: CloseCode.TooLarge,
};

/**
 * The code with which a WebSocket closed itself when it emitted this error. Its own 'close' event
 * reports 1006 then, as it reads no answer.
 */
export function codeOfError(error: Error): number {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!code.startsWith('WS_ERR_')) return CloseCode.Abnormal;
  return CODES_OF_ERRORS[code] ?? CloseCode.ProtocolError;
}
