import { type CommandParser, defineScript } from '@redis/client';

// Each script touches one key: it runs on a cluster, too.

/** Puts a value in place of one that begins as it should: see `versioned.ts`. */
const replaceVersion = defineScript({
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
});

/**
 * Notes a session in the index of its user until its time is up, and drops those whose time is up already. The
 * server's clock is the only one asked: instances need not agree on the time. An entry never gets less time than it
 * had, and the index as much as its last entry.
 */
const noteSession = defineScript({
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
});

export const scripts = { replaceVersion, noteSession };
