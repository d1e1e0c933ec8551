import { type CommandParser, defineScript } from '@redis/client';

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

export const scripts = {
  replaceVersion: defineScript(replaceVersion),
  replaceVersionWhenFull: defineScript({ ...replaceVersion, SCRIPT: ALLOW_OOM + replaceVersion.SCRIPT }),
  indexSession: defineScript(indexSession),
  indexSessionWhenFull: defineScript({ ...indexSession, SCRIPT: ALLOW_OOM + indexSession.SCRIPT }),
};
