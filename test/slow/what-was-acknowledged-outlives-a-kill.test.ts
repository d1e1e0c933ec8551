import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startServer } from '../helpers/server-process.ts';
import { ANN } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { addUser, openTestStores } from '../helpers/users.ts';

// What the service acknowledged with 200 is true after `kill -9`: a session is there, an ended one is not.
// KILL_ROUNDS sets the number of rounds.

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 3);

/** What was acknowledged: the cookies of live sessions and those of ended ones. */
class Acknowledged {
  readonly live = new Set<string>();
  readonly ended = new Set<string>();

  get size(): number {
    return this.live.size + this.ended.size;
  }

  end(cookie: string): void {
    this.live.delete(cookie);
    this.ended.add(cookie);
  }

  /** Removes a live one. While a request changes it, neither state is acknowledged. */
  take(): string | undefined {
    const [cookie] = this.live;
    this.live.delete(cookie ?? '');
    return cookie;
  }
}

/** Signs in, refreshes and signs out until the server is killed. */
async function load(url: string, known: Acknowledged): Promise<void> {
  const post = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, { method: 'POST', ...init });
  const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  for (;;) {
    const headers = { 'content-type': 'application/json' };
    const signedIn = await post('/signin', { headers, body: JSON.stringify(ANN) });
    if (signedIn.status === 200) {
      known.live.add(cookieOf(signedIn));
    }
    for (let i = 0; i < 3; i++) {
      const cookie = known.take();
      if (cookie !== undefined) {
        const refreshed = await post('/refresh', { headers: { cookie } });
        if (refreshed.status === 200) {
          known.ended.add(cookie);
          known.live.add(cookieOf(refreshed));
        }
      }
    }
    const leaving = known.take();
    if (leaving !== undefined && known.live.size > 20) {
      if ((await post('/logout', { headers: { cookie: leaving } })).status === 200) {
        known.end(leaving);
      }
    } else if (leaving !== undefined) {
      known.live.add(leaving);
    }
  }
}

t.test('what was acknowledged outlives kill -9, and what was ended stays ended', { timeout: 600_000 }, async (t) => {
  const storeUrl = `lmdb:${temporaryDirectory(t)}/data`;
  // This process has the database open as well.
  await addUser(await openTestStores(t, storeUrl), ANN);
  const known = new Acknowledged();
  const env = {
    STORE_URL: storeUrl,
    SESSIONS_PER_USER: '10000',
    // The test uses replaced tokens long after their refresh.
    REUSE_WINDOW_SECONDS: '3600',
    SESSION_IDLE_SECONDS: '86400',
    SESSION_MAX_SECONDS: '86400',
    LOG_LEVEL: 'info',
  };
  const counts = { lost: 0, revived: 0, checkedLive: 0, checkedEnded: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServer(t, env);
    const url = `http://127.0.0.1:${server.port}`;
    const status = async (cookie: string) => (await fetch(`${url}/welcome`, { headers: { cookie } })).status;
    for (const cookie of known.live) {
      counts.lost += Number((await status(cookie)) !== 200);
      counts.checkedLive++;
    }
    for (const cookie of known.ended) {
      counts.revived += Number((await status(cookie)) !== 401);
      counts.checkedEnded++;
    }
    const enough = known.size + 50;
    const lanes = Array.from({ length: 6 }, () => load(url, known).catch(() => {}));
    while (known.size < enough) {
      await sleep(20);
    }
    // The kill comes at any moment of a commit.
    await sleep(Math.random() * 300);
    server.child.kill('SIGKILL');
    await once(server.child, 'exit');
    await Promise.all(lanes);
  }
  t.comment(`${ROUNDS} rounds: ${JSON.stringify(counts)}`);
  t.ok(counts.checkedLive > 0 && counts.checkedEnded > 0);
  t.equal(counts.lost, 0);
  t.equal(counts.revived, 0);
});
