import { readFileSync } from 'node:fs';
import type { FastifyInstance, InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import { openStores } from '../src/stores/open-stores.ts';
import { closeStores } from '../src/stores/stores.ts';
import { type RedisUse, redisUseOf } from './helpers/redis-commands.ts';
import { startRedis } from './helpers/redis-server.ts';
import { build, setCookies } from './helpers/service.ts';
import { addUser } from './helpers/users.ts';

// The table in docs/operation.md says which commands each request sends to Redis. It is compared with the commands that the
// service sends, so that it stays true and no command is added unnoticed.

const page = readFileSync(new URL('../docs/operation.md', import.meta.url), 'utf8');
const [, section = ''] = /^### Commands of a request$(.*?)^## /ms.exec(page) ?? [];

function toRow(request: string, { commands, roundTrips }: RedisUse): string {
  const counted = [...new Set(commands)].map((name) => {
    const count = commands.filter((command) => command === name).length;
    return count === 1 ? `\`${name}\`` : `${count} \`${name}\``;
  });
  return `| ${request} | ${counted.join(', ') || 'none'} | ${roundTrips} |`;
}

type Send = (options: InjectOptions, status?: number) => Promise<RedisUse>;

/** A client with an address of its own, which keeps its cookies. */
function newClient(app: FastifyInstance, remoteAddress: string): Send {
  const cookies = new Map<string, string>();
  return async (options, status = 200) => {
    const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
    return redisUseOf(async () => {
      const response = await app.inject({ remoteAddress, headers, ...options });
      if (response.statusCode !== status) {
        throw new Error(`${options.url}: ${response.statusCode} ${response.body}`);
      }
      for (const line of setCookies(response)) {
        const [, name = '', value = ''] = /^(.*?)=(.*?);/.exec(line) ?? [];
        cookies.set(name, value);
      }
    });
  };
}

const signIn = (username: string, password: string) =>
  ({ method: 'POST', url: '/signin', payload: { username, password } }) as const;

interface User {
  readonly username: string;
  readonly password: string;
  /** A /24 whose addresses nobody else uses. */
  readonly network: string;
}

/** The rows of the table, for a user without sessions and addresses without failures. */
async function measure(app: FastifyInstance, { username, password, network }: User) {
  const [send, sendOther, sendUnknown] = [1, 2, 3].map((n) => newClient(app, `${network}.${n}`)) as [Send, Send, Send];
  const right = signIn(username, password);
  const wrong = signIn(username, 'wrong');
  const refresh = { method: 'POST', url: '/refresh' } as const;
  const logout = { method: 'POST', url: '/logout' } as const;
  const welcome = { url: '/welcome' };
  const rows: [request: string, use: RedisUse][] = [
    ['`POST /signin` from a new browser', await send(right)],
    ['`POST /refresh`', await send(refresh)],
    ['`GET /welcome`', await send(welcome)],
    ['`GET /welcome`, session in the cache', await cached(() => send(welcome))],
  ];
  // Removes the session from the cache.
  await send(refresh);
  rows.push(
    ['`POST /logout`', await send(logout)],
    ['`POST /signin` from a browser that has signed in before', await send(right)],
    ['`GET /sessions`', await send({ url: '/sessions' })],
    ['`POST /signin` with a wrong password or an unknown name', await sendOther(wrong, 401)],
    ['a second failure of the same name from the same address', await sendOther(wrong, 401)],
  );
  return { rows, unknown: await sendUnknown(signIn(`not ${username}`, 'wrong'), 401) };
}

/** Repeats a request until the session is found in the cache. On a busy machine the pings that allow that may be late. */
async function cached(request: () => Promise<RedisUse>): Promise<RedisUse> {
  for (;;) {
    const use = await request();
    if (use.commands.length === 0) {
      return use;
    }
  }
}

async function start(t: Test, users: readonly User[]) {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const stores = await openStores(redis.url);
  for (const user of users) {
    await addUser(stores, user);
  }
  await closeStores(stores);
  return build(t, { env: { STORE_URL: redis.url, DEMO_USERS: 'off' } });
}

t.test('the table of the commands that requests send to Redis is complete', async (t) => {
  const first = { username: 'ann', password: 'a horse, a battery', network: '192.0.2' };
  const second = { ...first, username: 'bob', network: '198.51.100' };
  const app = await start(t, [first, second]);
  if (app === undefined) {
    return;
  }
  // The first EVALSHA of each script is followed by an EVAL.
  await measure(app, first);
  const { rows, unknown } = await measure(app, second);
  const documented = [...section.matchAll(/^\| .* \| \d+ \|$/gm)].map(String);
  t.same(documented.sort(), rows.map(([request, use]) => toRow(request, use)).sort());
  t.same(unknown, rows.at(-2)?.[1], 'an unknown name costs the same as a wrong password');
});
