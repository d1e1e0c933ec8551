import t from 'tap';
import { startRedis } from '../helpers/redis-server.ts';
import { startServer } from '../helpers/server-process.ts';
import { ANN } from '../helpers/service.ts';
import { addUser, openTestStores } from '../helpers/users.ts';

/** Moves the wall clock of a process. */
const wallClock = (offset: number) =>
  `--import=data:text/javascript,const{now}=Date;Date.now=()=>now.call(Date)+(${offset})`;

t.test('with Redis, instances agree about the time although their clocks differ', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  await addUser(await openTestStores(t, redis.url), ANN);
  const env = { STORE_URL: redis.url };
  const [exact, ...others] = await Promise.all(
    [0, 15_000, 130_000, -130_000].map((offset) => startServer(t, env, [wallClock(offset)])),
  );
  const at = (server: { port: number } | undefined, path: string) => `http://127.0.0.1:${server?.port}${path}`;
  const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  for (const other of others) {
    t.match(JSON.parse(await other.logged('the clock of this machine differs')), { level: 40 });
    for (const [one, two] of [
      [exact, other],
      [other, exact],
    ]) {
      const headers = { 'content-type': 'application/json' };
      const signedIn = await fetch(at(one, '/signin'), { method: 'POST', headers, body: JSON.stringify(ANN) });
      const cookie = cookieOf(signedIn);
      t.equal((await fetch(at(two, '/welcome'), { headers: { cookie } })).status, 200, 'neither sees it expired');
      const refreshed = await fetch(at(one, '/refresh'), { method: 'POST', headers: { cookie } });
      t.equal(refreshed.status, 200);
      t.match(refreshed.headers.getSetCookie()[0], /Max-Age=(120|119)/);
      t.equal((await fetch(at(two, '/welcome'), { headers: { cookie } })).status, 401, 'the replaced token');
      const next = cookieOf(refreshed);
      t.equal(
        (await fetch(at(two, '/welcome'), { headers: { cookie: next } })).status,
        200,
        'it was not taken for a theft',
      );
    }
  }
});
