import { ErrorReply } from '@redis/client';
import type { Milliseconds } from '../../types.ts';
import type { StoreLog } from '../engine.ts';
import type { RedisClient } from './client.ts';
import { refusesChanges } from './error-replies.ts';

/** How long the cache is trusted after an answered ping was sent. */
const LEASE_MS = 1000;
/** How often the check is repeated while the server accepts no change. */
const CHECK_INTERVAL_MS = 10_000;
/** The key whose expiry the check moves is kept for a month after its last use. */
const PROBE_TTL_MS = 30 * 86_400_000;

/** Knows whether the server reports changed keys (`CLIENT TRACKING`), and until when no report can be missing. */
export class Tracking {
  readonly #keyPrefix: string;
  readonly #log: StoreLog;
  readonly #listeners: ((key: string | null) => void)[] = [];
  #isSupported = true;
  /** The client whose reports a check has seen. */
  #proven: RedisClient | undefined;
  #nextCheckAt = 0;
  #leaseEndsAt = 0;

  constructor(keyPrefix: string, log: StoreLog) {
    this.#keyPrefix = keyPrefix;
    this.#log = log;
  }

  /** Whether the server supports tracking, as far as is known. */
  get isSupported(): boolean {
    return this.#isSupported;
  }

  /** Whether a check has proved that reports arrive at this client. */
  isProvenFor(client: RedisClient | undefined): boolean {
    return client !== undefined && client === this.#proven;
  }

  get hasLease(): boolean {
    return performance.now() < this.#leaseEndsAt;
  }

  onInvalidate(listener: (key: string | null) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the listeners that a key has changed, or with `null` that any key may have. */
  emit(key: string | null): void {
    for (const listener of this.#listeners) {
      listener(key);
    }
  }

  /**
   * Checks a new connection. Creates a key for the check, if it is missing, once the server is known to be `usable`.
   * @throws an error for which {@link disable} returns `true` if no reports arrive.
   */
  async prove(client: RedisClient, usable: Promise<void> = Promise.resolve()): Promise<void> {
    if (this.#isSupported && !(await this.#check(client, usable))) {
      this.#log.warn({ reason: 'it accepts no change for a check' }, NOT_REPORTED);
    }
  }

  /** Called for each answered ping. Repeats a check that was not possible. */
  async extendLease(client: RedisClient, pingSentAt: Milliseconds): Promise<void> {
    this.#leaseEndsAt = pingSentAt + LEASE_MS;
    const isDue = this.#isSupported && client !== this.#proven && pingSentAt >= this.#nextCheckAt;
    if (isDue && (await this.#check(client))) {
      this.#log.info({}, 'the store reports changes again');
    }
  }

  /** Called when the connection ends: reports may be missed from now on. */
  reset(): void {
    this.#leaseEndsAt = 0;
    this.emit(null);
  }

  /** Stops to use tracking if the error means that the server lacks it or RESP 3. Returns whether it stopped. */
  disable(err: unknown): boolean {
    if (!this.#isSupported || !isWithoutTracking(err)) {
      return false;
    }
    this.#isSupported = false;
    this.#log.warn({ err }, NOT_REPORTED);
    return true;
  }

  async #check(client: RedisClient, usable = Promise.resolve()): Promise<boolean> {
    this.#nextCheckAt = performance.now() + CHECK_INTERVAL_MS;
    const isProven = await proveTracking(client, this.#keyPrefix, usable);
    this.#proven = isProven ? client : undefined;
    return isProven;
  }
}

const NOT_REPORTED = 'the store does not report changes: every request reads it';

class NoTrackingError extends Error {}

/** The key whose expiry a check moves. */
export const probeKey = (keyPrefix: string) => `${keyPrefix}probe`;

/** Creates the key of the check. */
export async function createProbe(client: RedisClient, keyPrefix: string): Promise<void> {
  await client.set(probeKey(keyPrefix), '', { expiration: { type: 'PX', value: PROBE_TTL_MS } });
}

/** A change that a full server accepts. The reply is 0 if the key of the check is missing. */
export function moveProbeExpiry(client: RedisClient, keyPrefix: string): Promise<number> {
  return client.pExpire(probeKey(keyPrefix), PROBE_TTL_MS);
}

/**
 * Checks that a change of a key is reported: a proxy may accept `CLIENT TRACKING` and drop the messages. The server sends
 * an invalidation before its next reply.
 *
 * The change moves the expiry of a key that an earlier check created, because a full server accepts that. Returns `false`
 * if the server accepts no change at all.
 * @throws NoTrackingError if no invalidation arrived.
 */
async function proveTracking(client: RedisClient, keyPrefix: string, usable: Promise<void>): Promise<boolean> {
  const key = probeKey(keyPrefix);
  let arrived = false;
  const listener = (changed: unknown) => {
    arrived ||= String(changed) === key;
  };
  client.on('invalidate', listener);
  try {
    // They are sent together: a busy process needs one turn of its event loop for the replies, not three.
    const [, exists] = await Promise.all([client.get(key), moveProbeExpiry(client, keyPrefix), client.ping()]);
    if (exists === 0) {
      await usable;
      await Promise.all([createProbe(client, keyPrefix), client.ping()]);
    }
  } catch (error) {
    if (refusesChanges(error)) {
      return false;
    }
    throw error;
  } finally {
    client.off('invalidate', listener);
  }
  if (!arrived) {
    throw new NoTrackingError('no invalidation message arrived for a key that changed');
  }
  return true;
}

/** Whether connecting failed because the server lacks tracking or RESP 3. */
function isWithoutTracking(error: unknown): boolean {
  return (
    error instanceof NoTrackingError ||
    (error instanceof ErrorReply && /^(NOPROTO|NOPERM|ERR unknown)/i.test(error.message))
  );
}
