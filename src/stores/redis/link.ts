import type { Milliseconds } from '../../types.ts';
import { type StoreLog, withTimeout } from '../engine.ts';
import { newClient, type RedisClient } from './client.ts';
import { isFull, refusesChanges } from './error-replies.ts';
import type { Primary, PrimaryFinder } from './primary.ts';
import { allowsOom, assertUsable, probe, together } from './probes.ts';
import { ReplicaWait } from './replicas.ts';
import { checkServerConfig } from './server-check.ts';
import type { ServerClock } from './server-clock.ts';
import type { Tracking } from './tracking.ts';

const PING_INTERVAL_MS = 250;
/** How often the group of the server is asked which server is the primary. */
const PRIMARY_CHECK_MS = 1000;

/** What the links of one store have in common. */
export interface LinkOptions {
  readonly keyPrefix: string;
  readonly isCluster: boolean;
  readonly timeoutMs: Milliseconds;
  readonly waitReplicas: number;
  readonly log: StoreLog;
  readonly clock: ServerClock;
  readonly tracking: Tracking;
  /** The addresses of servers whose settings were checked, so that each warning is logged once. */
  readonly checked: Set<string>;
}

/** What a store has open to one server: a client, and a second one if changes wait for replicas. */
export class Link {
  readonly primary: Primary;
  readonly client: RedisClient;
  readonly replicaWait: ReplicaWait | undefined;
  /** Whether scripts may replace values while the memory of the server is full. */
  allowsOom = false;
  readonly #options: LinkOptions;
  readonly #limitMs: Milliseconds;
  readonly #fail: (error: unknown) => void;
  #timers: NodeJS.Timeout[] = [];
  /** Whether a majority of the group answered the last time. */
  #isConfirmed = true;
  #isDestroyed = false;

  constructor(primary: Primary, options: LinkOptions, onError: (link: Link, error: unknown) => void) {
    const { timeoutMs, waitReplicas: replicas, keyPrefix, tracking } = options;
    this.primary = primary;
    this.#options = options;
    this.#limitMs = 2 * timeoutMs + 500;
    this.#fail = (error) => onError(this, error);
    this.client = newClient(primary.server, tracking.isSupported, this.#limitMs).on('error', this.#fail);
    this.client.on('invalidate', (key: Buffer | null) => tracking.emit(key && String(key)));
    const waitOptions = { server: primary.server, keyPrefix, replicas, timeoutMs, onError: this.#fail };
    this.replicaWait = replicas > 0 ? new ReplicaWait(waitOptions) : undefined;
  }

  /** Connects and checks the server. @throws StoreOpenError if the server cannot be used and waiting would not help. */
  async open(): Promise<void> {
    try {
      await withTimeout(this.#limitMs, this.#prepare(), 'the Redis server');
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Checks regularly that the server answers, and that its group, if it has one, says that it is the primary. */
  watch(finder: PrimaryFinder | undefined): void {
    this.#repeat(() => this.#checkAlive(), PING_INTERVAL_MS);
    if (finder !== undefined) {
      this.#repeat(() => this.#checkPrimary(finder), PRIMARY_CHECK_MS);
    }
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#timers.forEach(clearInterval);
    this.client.destroy();
    this.replicaWait?.destroy();
  }

  async #prepare(): Promise<void> {
    const { tracking } = this.#options;
    await this.client.connect();
    const usable = together([
      assertUsable(this.client, this.#options),
      this.#checkConfig(),
      allowsOom(this.client).then((allows) => {
        this.allowsOom = allows;
      }),
    ]);
    await together([usable, tracking.prove(this.client, usable)]);
    await this.replicaWait?.connect();
  }

  async #checkConfig(): Promise<void> {
    const { checked, log, waitReplicas } = this.#options;
    const { address } = this.primary;
    if (!checked.has(address)) {
      await checkServerConfig(async () => this.client.info(), log, waitReplicas);
      checked.add(address);
    }
  }

  #repeat(call: () => void, intervalMs: Milliseconds): void {
    this.#timers.push(setInterval(call, intervalMs).unref());
    call();
  }

  async #checkAlive(): Promise<void> {
    const sentAt = performance.now();
    const { keyPrefix, clock, timeoutMs, tracking } = this.#options;
    // A primary without replicas may have been replaced. If its group does not confirm it, it is not even read.
    const tolerated = this.#isConfirmed ? refusesChanges : isFull;
    try {
      await withTimeout(timeoutMs, probe(this.client, keyPrefix, clock, tolerated), 'the Redis server');
      if (!this.#isDestroyed) {
        await tracking.extendLease(this.client, sentAt);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A primary that is cut off from its group, or that was replaced, still answers. */
  async #checkPrimary(finder: PrimaryFinder): Promise<void> {
    const latest = await finder.find().catch(() => undefined);
    this.#isConfirmed = latest !== undefined;
    if (latest !== undefined && latest.epoch > this.primary.epoch && latest.address !== this.primary.address) {
      this.#fail(new Error(`the primary is ${latest.address} now`));
    }
  }
}
