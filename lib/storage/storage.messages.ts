export const staleEpoch = (
  connectionId: string,
  epoch: number,
  storedEpoch: number,
  removed: boolean,
): string =>
  removed
    ? `connection ${connectionId} has ended at epoch ${storedEpoch}; it cannot be claimed at epoch ${epoch}`
    : `connection ${connectionId} is held at epoch ${storedEpoch}; it cannot be claimed at the lower epoch ${epoch}`;

export const storageClosed = (): string => 'the context storage is closed';

export const storageFull = (maxBytes: number, connections: number): string =>
  `the context storage in memory is full: ${connections} connections use its ${maxBytes} bytes. Raise maxBytes or use RedisContextStorage`;

export const wrongArgument = (name: string, min: number): string =>
  `${name} must be an integer from ${min}`;

export const wrongConnectionId = (): string => 'connectionId must be a text that is not empty';

export const wrongRedisClient = (): string =>
  "RedisContextStorage needs a client, cluster or sentinel of the package redis: new RedisContextStorage(createClient({ url: 'redis://…' }))";

export const redisSilent = (limitMs: number, cause: string | undefined): string =>
  `Redis did not answer within ${limitMs} ms${cause ? ` (last error: ${cause})` : ''}`;

export const redisFailed = (cause: string): string => `Redis failed: ${cause}`;

export const redisOverloaded = (bytes: number): string =>
  `Redis does not keep up: about ${bytes} bytes wait for it already`;

export const redisAnswer = (): string =>
  'Redis gave an unexpected answer: do other applications use the same prefix?';
