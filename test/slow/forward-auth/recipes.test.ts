import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { APP, certificateOf, loginSettings, PROXIES, startApp } from '../../helpers/proxies.ts';
import { type RedisProcess, startRedis } from '../../helpers/redis-server.ts';
import { startServer } from '../../helpers/server-process.ts';
import { addUser, openTestStores } from '../../helpers/users.ts';
import { ATTACKS } from './attacks.ts';
import { CASES } from './cases.ts';
import { NAVIGATION, type Reply, send } from './client.ts';
import { type Front, signIn, USER } from './front.ts';

// The recipes of examples/forward-auth, each with its proxy, before one service and one app.

/** A service that can be stopped and started again on its port. */
async function startLogin(t: Test, redis: RedisProcess) {
  await addUser(await openTestStores(t, redis.url), USER);
  const env = {
    ...loginSettings(),
    STORE_URL: redis.url,
    FORWARD_AUTH_CSRF_EXEMPT: '/hooks/*',
  };
  let server = await startServer(t, env);
  const { port } = server;
  const kill = () => {
    server.child.kill('SIGKILL');
    return server.exited;
  };
  const restart = async () => {
    server = await startServer(t, { ...env, PORT: String(port) });
  };
  return { port, kill, restart, logged: (text: string) => server.logged(text) };
}

type Login = Awaited<ReturnType<typeof startLogin>>;

/** What the service answers about a session. */
async function identityOf({ port }: Login, cookie: string): Promise<Record<string, string>> {
  const headers = { cookie, 'x-original-method': 'GET', 'x-original-url': `https://${APP}/` };
  const reply = await fetch(`http://127.0.0.1:${port}/auth-request`, { headers });
  const names = ['remote-user', 'remote-user-id', 'remote-session-id'];
  return Object.fromEntries(names.map((name) => [name, reply.headers.get(name) ?? '']));
}

const visit = ({ port, cookie }: Front) => send(port, { headers: [['Cookie', cookie], ...NAVIGATION] });

/** Repeats a request until its status is 200, for at most half a minute. */
async function untilAllowed(front: Front): Promise<Reply> {
  for (let tries = 0; tries < 300; tries++) {
    const reply = await visit(front);
    if (reply.status === 200) {
      return reply;
    }
    await sleep(100);
  }
  throw new Error('no access within half a minute');
}

async function storeOutage(t: Test, front: Front, redis: RedisProcess, login: Login): Promise<void> {
  await redis.kill();
  // Until then the near cache answers. The service of this proxy was started anew and has lost no other connection.
  await login.logged('the connection to the store is lost');
  const { status, headers } = await visit(front);
  t.match([status, headers['retry-after'], headers['set-cookie']], [503, /^\d+$/, undefined]);
  const unsigned = await send(front.port, { headers: NAVIGATION });
  t.equal(unsigned.status, 303, 'no session needs no store');
  await redis.restart();
  t.match((await untilAllowed(front)).body, `Hello ${USER.username}`);
}

/** Traefik answers 500, and Caddy 502, if a service for authentication does not answer. */
const WITHOUT_SERVICE: Record<string, number> = { nginx: 503, haproxy: 503, caddy: 502, traefik: 500 };

async function serviceOutage(t: Test, front: Front, login: Login): Promise<void> {
  await login.kill();
  const { status, headers } = await visit(front);
  t.match([status, headers['set-cookie']], [WITHOUT_SERVICE[front.name], undefined]);
  t.match(headers['retry-after'], status === 503 ? /^\d+$/ : undefined);
  await login.restart();
  t.match((await untilAllowed(front)).body, `Hello ${USER.username}`);
}

t.test('forward authentication', async (t) => {
  const certificate = certificateOf(t);
  const redis = certificate && (await startRedis(t));
  if (certificate === undefined || redis === undefined) {
    return;
  }
  const login = await startLogin(t, redis);
  const appPort = await startApp(t);
  for (const [name, start] of Object.entries(PROXIES)) {
    await t.test(`behind ${name}`, async (t) => {
      const port = await start(t, { loginPort: login.port, appPort, certificate });
      if (port === undefined) {
        return;
      }
      const cookie = await signIn(port);
      const front = { name, port, cookie, identity: await identityOf(login, cookie) };
      t.match(front.identity, {
        'remote-user': encodeURIComponent(USER.username),
        'remote-user-id': /./,
        'remote-session-id': /./,
      });
      for (const [title, run] of Object.entries({ ...CASES, ...ATTACKS })) {
        await t.test(title, (t) => run(t, front));
      }
      await t.test('an outage of the store is 503, and nobody is signed out', (t) =>
        storeOutage(t, front, redis, login),
      );
      await t.test('without the service nobody is let through', (t) => serviceOutage(t, front, login));
    });
  }
});
