/**
 * What `client.hold()` takes.
 * @publicApi
 */
export interface HoldOptions {
  /** What the connection waits for, for people: shown by the admin API and in logs. @default 'held' */
  reason?: string;
  /** Time after which the hold ends by itself, in milliseconds; at most `hub.holdMs`. @default `hub.holdMs` */
  limitMs?: number;
}

/**
 * A lease that keeps a connection on its hub server, until it is released or its limit is reached.
 * @publicApi
 */
export interface Hold {
  /** Lets the connection go, as far as this hold is concerned. Idempotent. */
  release(): void;
  /** Whether the limit was reached before the release. */
  readonly expired: boolean;
}
