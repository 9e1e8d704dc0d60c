import type { Buffer } from 'node:buffer';
/** What runs scripts. */
export interface RedisScripting {
  eval(script: string, options: RedisScriptOptions): Promise<unknown>;
  evalSha(sha: string, options: RedisScriptOptions): Promise<unknown>;
}

export interface RedisScriptOptions {
  keys: string[];
  arguments: (string | Buffer)[];
}

/**
 * What is needed of a client, cluster or sentinel of the package `redis` (5 or 6). The library does not
 * import that package.
 *
 * @publicApi
 */
export interface RedisConnection {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  close(): Promise<unknown>;
  destroy(): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  withCommandOptions(options: {
    typeMapping: { 36: typeof Buffer };
    timeout: number;
  }): RedisScripting;
}

const LONGEST_CAUSE = 300;

/** What an error says, in one line, without the user and password that a URL may have. */
export function causeOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const line = text.replace(/\p{Cc}+/gu, ' ').replace(/\/\/\S*@/g, '//…@');
  return line.length > LONGEST_CAUSE ? `${line.slice(0, LONGEST_CAUSE)}…` : line;
}
