import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { until } from '../../helpers/redis-group.ts';
import { ANN, cookieOf } from '../../helpers/service.ts';

/** How long another instance may use its cache after a session ended. */
const CACHE_MS = 1000;
/** What a busy machine may add. */
const SLACK_MS = 3000;

interface Ended {
  readonly cookie: string;
  readonly at: number;
}

/** What the service acknowledged, and which of its answers contradict it. */
export class Load {
  /** Requests by kind and status. */
  readonly statuses = new Map<string, number>();
  readonly wrong: string[] = [];
  /** Endings that were acknowledged with 200 and are not true any more. */
  readonly revived = new Set<string>();
  longestMs = 0;
  readonly #apps: readonly FastifyInstance[];
  readonly #live = new Set<string>();
  readonly #ended: Ended[] = [];
  #stopped = false;
  #lanes: Promise<unknown> = Promise.resolve();

  constructor(apps: readonly FastifyInstance[]) {
    this.#apps = apps;
  }

  get requests(): number {
    return [...this.statuses.values()].reduce((sum, count) => sum + count, 0);
  }

  get endings(): number {
    return this.#ended.length;
  }

  start(lanes = 6): void {
    this.#stopped = false;
    this.#lanes = Promise.all(Array.from({ length: lanes }, () => this.#lane()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#lanes;
  }

  /** Resolves with the time until every instance serves reads, sign-in and endings again. */
  async recovered(): Promise<number> {
    const startedAt = performance.now();
    for (const app of this.#apps) {
      await until(() => this.#works(app));
    }
    return performance.now() - startedAt;
  }

  /** Whether an instance says that its store is down. */
  async isDown(): Promise<boolean> {
    const replies = await Promise.all(this.#apps.map((app) => app.inject('/readyz')));
    return replies.some(({ statusCode }) => statusCode === 503);
  }

  /** Asks each instance about each session that was acknowledged as live or ended. */
  async checkAll(): Promise<void> {
    for (const app of this.#apps) {
      for (const cookie of this.#live) {
        await this.#checkLive(app, cookie);
      }
      for (const ended of this.#ended) {
        await this.#checkEnded(app, ended);
      }
    }
  }

  toString(): string {
    const counts = [...this.statuses].map(([what, count]) => `${what}: ${count}`).join(', ');
    return `${this.requests} requests, ${this.endings} endings, longest ${Math.round(this.longestMs)} ms (${counts})`;
  }

  async #works(app: FastifyInstance): Promise<boolean> {
    if ((await app.inject('/readyz')).statusCode !== 200) {
      return false;
    }
    const cookie = await this.#signIn(app);
    return cookie !== undefined && (await this.#end(app, cookie));
  }

  async #lane(): Promise<void> {
    while (!this.#stopped) {
      const app = this.#any(this.#apps);
      const cookie = await this.#signIn(app);
      if (cookie !== undefined) {
        const current = await this.#refresh(app, cookie);
        if (current !== undefined && Math.random() < 0.9) {
          await this.#end(app, current);
        } else if (current !== undefined) {
          this.#live.add(current);
        }
      }
      const [live] = this.#live;
      if (live !== undefined) {
        await this.#checkLive(this.#any(this.#apps), live);
      }
      if (this.#ended.length > 0) {
        await this.#checkEnded(this.#any(this.#apps), this.#any(this.#ended));
        await this.#checkEnded(this.#any(this.#apps), this.#ended.at(-1) as Ended);
      }
      await sleep(5);
    }
  }

  async #signIn(app: FastifyInstance): Promise<string | undefined> {
    const response = await this.#send('signin', app, { method: 'POST', url: '/signin', payload: ANN }, [200]);
    return response.statusCode === 200 ? cookieOf(response) : undefined;
  }

  /** After a 503 the old token and the new one may be valid: nothing is known about them. */
  async #refresh(app: FastifyInstance, cookie: string): Promise<string | undefined> {
    const response = await this.#send('refresh', app, { method: 'POST', url: '/refresh', headers: { cookie } }, [200]);
    if (response.statusCode !== 200) {
      return undefined;
    }
    this.#ended.push({ cookie, at: performance.now() });
    return cookieOf(response);
  }

  async #end(app: FastifyInstance, cookie: string): Promise<boolean> {
    const response = await this.#send('logout', app, { method: 'POST', url: '/logout', headers: { cookie } }, [200]);
    if (response.statusCode === 200) {
      this.#ended.push({ cookie, at: performance.now() });
    }
    return response.statusCode === 200;
  }

  async #checkLive(app: FastifyInstance, cookie: string): Promise<void> {
    await this.#send('live session', app, { url: '/welcome', headers: { cookie } }, [200]);
  }

  async #checkEnded(app: FastifyInstance, { cookie, at }: Ended): Promise<void> {
    const isCached = performance.now() - at < CACHE_MS + SLACK_MS;
    const expected = isCached ? [401, 200] : [401];
    const response = await this.#send('ended session', app, { url: '/welcome', headers: { cookie } }, expected);
    if (response.statusCode === 200 && !isCached) {
      this.revived.add(cookie);
    }
  }

  /** Every request may be answered with 503. */
  async #send(what: string, app: FastifyInstance, request: object, expected: readonly number[]) {
    const sentAt = performance.now();
    const response = await app.inject(request);
    const { statusCode, headers } = response;
    const tookMs = performance.now() - sentAt;
    this.longestMs = Math.max(this.longestMs, tookMs);
    const key = `${what} ${statusCode}`;
    this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
    const isOutage = statusCode === 503 && headers['retry-after'] !== undefined && headers['set-cookie'] === undefined;
    if (!isOutage && !expected.includes(statusCode)) {
      this.wrong.push(`${key} after ${Math.round(tookMs)} ms`);
    }
    return response;
  }

  #any<T>(list: readonly T[]): T {
    return list[Math.floor(Math.random() * list.length)] as T;
  }
}
