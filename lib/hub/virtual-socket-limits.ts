/** What bounds a client. */
export interface VirtualSocketLimits {
  /** Limit of one outbound message in bytes. */
  maxMessageBytes: number;
  /** Outbound bytes above which the client is too slow and is cut. */
  maxBufferedBytes: number;
  /** Reports what went wrong with this client. */
  fault(message: string, error: unknown): void;
}
