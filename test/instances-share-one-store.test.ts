import t, { type Test } from 'tap';
import { startRedis } from './redis-server.ts';
import { startServer } from './server-process.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { addUser, openTestStores } from './users.ts';

// Two processes of the service on one store are one service: a session of one is a session of the other, of any number
// of refreshes at once one wins, and what ends on one is over on the other.

const ANN = { username: 'ann', password: 'a horse, a battery' };
/** Within this time, what ends on one instance is refused by the other. With LMDB it is at once. */
const SEEN_ELSEWHERE_MS = 100;

async function startTwo(t: Test, storeUrl: string) {
  await addUser(await openTestStores(t, storeUrl), ANN);
  const servers = await Promise.all([0, 1].map(() => startServer(t, { STORE_URL: storeUrl })));
  const [here = '', there = ''] = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  const headers = { 'content-type': 'application/json' };
  const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const get = async (url: string, cookie: string) => (await fetch(url, { headers: { cookie } })).status;
  const signIn = async () =>
    cookieOf(await fetch(`${here}/signin`, { method: 'POST', headers, body: JSON.stringify(ANN) }));
  const refresh = (url: string, cookie: string) =>
    fetch(`${url}/refresh`, { method: 'POST', headers: { cookie } });
  return { here, there, get, signIn, refresh, cookieOf };
}

/** How long it takes until a request is 401, in milliseconds. */
async function untilRefused(ask: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  while ((await ask()) !== 401);
  return performance.now() - startedAt;
}

async function areOne(t: Test, storeUrl: string, boundMs: number): Promise<void> {
  const { here, there, get, signIn, refresh, cookieOf } = await startTwo(t, storeUrl);
  let worstMs = 0;
  for (let round = 0; round < 10; round++) {
    const cookie = await signIn();
    t.equal(await get(`${there}/welcome`, cookie), 200);
    const racing = Array.from({ length: 20 }, (_, i) => refresh(i % 2 === 0 ? here : there, cookie));
    const won = (await Promise.all(racing)).filter(({ status }) => status === 200);
    t.equal(won.length, 1, 'of 20 refreshes on both, one wins');
    worstMs = Math.max(
      worstMs,
      await untilRefused(() => get(`${here}/welcome`, cookie)),
      await untilRefused(() => get(`${there}/welcome`, cookie)),
    );
    const next = cookieOf(won[0] as Response);
    t.same([await get(`${here}/welcome`, next), await get(`${there}/welcome`, next)], [200, 200]);
    t.equal(await get(`${here}/logout`, next), 200);
    worstMs = Math.max(worstMs, await untilRefused(() => get(`${there}/welcome`, next)));
    t.equal((await refresh(there, next)).status, 401, 'and it cannot be refreshed');
  }
  t.comment(`refused by the other after ${worstMs.toFixed(1)} ms at the most, asking included`);
  // Once more as long for a busy machine.
  t.ok(worstMs < boundMs + SEEN_ELSEWHERE_MS, `${worstMs} ms`);
}

/** A client may be sent to the other instance at any moment, also with a token that is a millisecond old. */
async function followsAtOnce(t: Test, storeUrl: string): Promise<void> {
  const { here, there, get, signIn, refresh, cookieOf } = await startTwo(t, storeUrl);
  let cookie = await signIn();
  let isDone = false;
  const busy = Promise.all(
    Array.from({ length: 10 }, async () => {
      while (!isDone) {
        await get(`${there}/welcome`, cookie);
      }
    }),
  );
  const answers: string[] = [];
  for (let round = 0; round < 500; round++) {
    const refreshed = await refresh(here, cookie);
    cookie = cookieOf(refreshed);
    answers.push(`${refreshed.status} ${await get(`${there}/welcome`, cookie)}`);
  }
  isDone = true;
  await busy;
  const first = answers.findIndex((answer) => answer !== '200 200');
  t.equal(first, -1, `refreshed and welcomed, ${answers[first] ?? 'always'}`);
}

t.test('a token of a moment ago is good on the other, with LMDB', (t) =>
  followsAtOnce(t, `lmdb:${temporaryDirectory(t)}/data`),
);

t.test('a token of a moment ago is good on the other, with Redis', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    await followsAtOnce(t, redis.url);
  }
});

t.test('on one LMDB database', (t) => areOne(t, `lmdb:${temporaryDirectory(t)}/data`, 0));

t.test('on one Redis server', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    await areOne(t, redis.url, SEEN_ELSEWHERE_MS);
  }
});
