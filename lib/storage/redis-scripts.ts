import { createHash } from 'node:crypto';

/** A script and the name under which Redis knows it once it has run it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

const script = (source: string): RedisScript => ({
  source,
  sha: createHash('sha1').update(source).digest('hex'),
});

/*
 * The key of a connection is a hash: "fence" is the highest epoch that saved, claimed or removed it,
 * "removed" is there when it has ended, "epoch", "sequence" and "context" are what was saved.
 */
const FENCED = `
local epoch = tonumber(ARGV[1])
local known = redis.call('HMGET', KEYS[1], 'fence', 'removed', 'epoch', 'sequence')
local fence = tonumber(known[1] or -1)
local removed = known[2]
local fenced = epoch < fence or (removed and epoch == fence)
`;

/** Arguments: epoch, ttlMs, sequence, context. Gives 1 when it is saved, otherwise 0. */
export const SAVE = script(`${FENCED}
if fenced then return 0 end
if known[3] and tonumber(known[3]) == epoch and tonumber(ARGV[3]) <= tonumber(known[4]) then
  return 0
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'epoch', ARGV[1], 'sequence', ARGV[3], 'context', ARGV[4])
redis.call('HDEL', KEYS[1], 'removed')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`);

/** Arguments: epoch, ttlMs. Gives { fence, removed } when it is refused, otherwise { epoch, sequence, context } or { }. */
export const CLAIM = script(`${FENCED}
if fenced then return { known[1], removed or '0' } end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
redis.call('HDEL', KEYS[1], 'removed')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if not known[3] then return {} end
return { known[3], known[4], redis.call('HGET', KEYS[1], 'context') }
`);

/** Arguments: epoch, ttlMs. Gives 1 when it is renewed, otherwise 0. */
export const RENEW = script(`${FENCED}
if not known[1] or removed or fenced then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** Arguments: epoch, life of the tombstone in milliseconds. */
export const REMOVE = script(`${FENCED}
if epoch < fence then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'removed', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`);
