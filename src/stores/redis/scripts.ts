import { type CommandParser, defineScript } from '@redis/client';
import type { FailureCount } from '../../users/failure-counter.ts';

// Each script uses one key, so that all of them run on a cluster.

/**
 * The first line of a script that may write while the memory of the server is full. Redis 7 introduced it, and earlier
 * servers fail to compile it. It is for scripts that replace a value by one of about the same size.
 */
export const ALLOW_OOM = '#!lua flags=allow-oom\n';

/** Replaces a value if it starts with the expected prefix: see `values.ts`. */
const replaceVersion = {
  SCRIPT: `
    local current = redis.call('GET', KEYS[1])
    if not current or string.sub(current, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
    if ARGV[3] == '0' then
      redis.call('SET', KEYS[1], ARGV[2])
    else
      redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    end
    return 1`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, prefix: string, next: string, ttlMs: number) {
    parser.pushKey(key);
    parser.push(prefix, next, String(ttlMs));
  },
  transformReply: (reply: unknown) => reply as 0 | 1,
};

/**
 * Adds a session to the index of its user and removes the expired ones. It uses the server's clock only, because the
 * clocks of instances may differ. It never shortens the life of an entry, and the index lives as long as its last entry.
 */
const indexSession = {
  SCRIPT: `
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
    redis.call('ZADD', KEYS[1], 'GT', now + ARGV[2], ARGV[1])
    if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    return 1`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, id: string, ttlMs: number) {
    parser.pushKey(key);
    parser.push(id, String(ttlMs));
  },
  transformReply: (reply: unknown) => reply as 1,
};

function toFailureCount([failures, windowId, endsInMs]: [number, string, number]): FailureCount {
  return { failures, windowId, endsInMs };
}

// A failure counter is a hash: `failures`, and `window`, the id of its window. The key expires when the window ends.

/** Adds a failure. Starts a window with the given id if there is none. Returns the count, the window and its time left. */
const incrementFailures = defineScript({
  SCRIPT: `
    local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
    if failures == 1 then
      -- Sets the id, which is a number. HSET could not be tried at the start without a change: see probes.ts.
      redis.call('HINCRBY', KEYS[1], 'window', ARGV[1])
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    return {failures, redis.call('HGET', KEYS[1], 'window'), redis.call('PTTL', KEYS[1])}`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, windowId: string, windowMs: number) {
    parser.pushKey(key);
    parser.push(windowId, String(windowMs));
  },
  transformReply: (reply: unknown) => toFailureCount(reply as [number, string, number]),
});

/** Returns the same of an existing counter. The count is nil if there is none. */
const getFailures = defineScript({
  SCRIPT: `
    local found = redis.call('HMGET', KEYS[1], 'failures', 'window')
    return {found[1], found[2], redis.call('PTTL', KEYS[1])}`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string) {
    parser.pushKey(key);
  },
  transformReply: (reply: unknown) => {
    const [failures, ...rest] = reply as [string | null, string, number];
    return failures === null ? undefined : toFailureCount([Number(failures), ...rest]);
  },
});

/** Removes failures that were counted in the given window. */
const decrementFailures = defineScript({
  SCRIPT: `
    if redis.call('HGET', KEYS[1], 'window') ~= ARGV[1] then return 0 end
    -- Not -ARGV[2]: Lua writes minus zero as "-0", which is no integer.
    if redis.call('HINCRBY', KEYS[1], 'failures', 0 - ARGV[2]) <= 0 then redis.call('DEL', KEYS[1]) end
    return 1`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, windowId: string, by: number) {
    parser.pushKey(key);
    parser.push(windowId, String(by));
  },
  transformReply: (reply: unknown) => reply as 0 | 1,
});

/** Removes a counter and returns its count. */
const takeFailures = defineScript({
  SCRIPT: `
    local failures = redis.call('HGET', KEYS[1], 'failures')
    redis.call('DEL', KEYS[1])
    return tonumber(failures or 0)`,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string) {
    parser.pushKey(key);
  },
  transformReply: (reply: unknown) => reply as number,
});

export const scripts = {
  replaceVersion: defineScript(replaceVersion),
  replaceVersionWhenFull: defineScript({ ...replaceVersion, SCRIPT: ALLOW_OOM + replaceVersion.SCRIPT }),
  indexSession: defineScript(indexSession),
  indexSessionWhenFull: defineScript({ ...indexSession, SCRIPT: ALLOW_OOM + indexSession.SCRIPT }),
  incrementFailures,
  getFailures,
  decrementFailures,
  takeFailures,
};
