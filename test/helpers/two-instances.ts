import type { Test } from 'tap';
import { startServer } from './server-process.ts';
import { ANN } from './service.ts';
import { addUser, openTestStores } from './users.ts';

/** Two processes of the service on one store, and a client that can talk to both. */
export async function startTwo(t: Test, storeUrl: string) {
  await addUser(await openTestStores(t, storeUrl), ANN);
  const servers = await Promise.all([0, 1].map(() => startServer(t, { STORE_URL: storeUrl })));
  const [here = '', there = ''] = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  const headers = { 'content-type': 'application/json' };
  const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const get = async (url: string, cookie: string) => (await fetch(url, { headers: { cookie } })).status;
  const signIn = async () =>
    cookieOf(await fetch(`${here}/signin`, { method: 'POST', headers, body: JSON.stringify(ANN) }));
  const refresh = (url: string, cookie: string) => fetch(`${url}/refresh`, { method: 'POST', headers: { cookie } });
  return { here, there, get, signIn, refresh, cookieOf };
}

export type TwoInstances = Awaited<ReturnType<typeof startTwo>>;

/**
 * Refreshes on one instance while the other is busy, and uses each new token on the other at once: a client may reach
 * either instance with a token that is a millisecond old. Returns the replies that were not 200.
 */
export async function refreshAndFollow(instances: TwoInstances, rounds: number): Promise<string[]> {
  const { here, there, get, signIn, refresh, cookieOf } = instances;
  let cookie = await signIn();
  let isDone = false;
  const lane = async () => {
    while (!isDone) {
      await get(`${there}/welcome`, cookie);
    }
  };
  const busy = Promise.all(Array.from({ length: 10 }, lane));
  const replies: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const refreshed = await refresh(here, cookie);
    cookie = cookieOf(refreshed);
    replies.push(`round ${round}: ${refreshed.status} ${await get(`${there}/welcome`, cookie)}`);
  }
  isDone = true;
  await busy;
  return replies.filter((reply) => !reply.endsWith(': 200 200'));
}
