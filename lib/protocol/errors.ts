/**
 * Close codes of a service connection (WebSocket private range). They name a fault of the peer or
 * the reason for which a session ends; clients never see them.
 */
export const ServiceCloseCode = {
  /** The session ended as intended. */
  Normal: 1000,
  /** This process stops. */
  GoingAway: 1001,
  /** A frame that cannot be decoded: truncated, bad length, unknown flags, not MessagePack. */
  BadFrame: 4400,
  /** A field is missing, of the wrong type or out of range. */
  BadField: 4402,
  /** A message that is not allowed in the present state. */
  OutOfOrder: 4403,
  /** A link number that was never given out. */
  UnknownLink: 4404,
  /** The handshake took too long. */
  HandshakeTimeout: 4408,
  /** Another session holds this identity, or the handshake contradicts the token. */
  Conflict: 4409,
  /** A frame or message over its size limit. */
  TooLarge: 4413,
  /** The protocol version is not supported. */
  UnsupportedVersion: 4426,
  /** Nothing was heard for longer than the limit. */
  Silent: 4429,
  /** A fault of this process. */
  Internal: 4500,
} as const;
export type ServiceCloseCode = (typeof ServiceCloseCode)[keyof typeof ServiceCloseCode];

/** A fault of the peer of a service connection: that connection is closed with this code and reason. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';

  constructor(
    readonly code: ServiceCloseCode,
    reason: string,
  ) {
    super(reason);
  }
}
