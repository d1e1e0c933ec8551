import t from 'tap';
import { ConfigError } from '../../src/config-files.ts';
import { build, cookieOf, setCookies, USER1 } from '../helpers/service.ts';

const env = { PUBLIC_URL: 'https://example.com/login' };

for (const [proxy, prefix] of [
  ['keeps', '/login'],
  ['removes', ''],
] as const) {
  t.test(`behind a proxy that ${proxy} the path`, async (t) => {
    const app = await build(t, { env });
    const response = await app.inject({ method: 'POST', url: `${prefix}/signin`, payload: USER1 });
    t.equal(response.statusCode, 200);
    t.match(setCookies(response)[0], /^__Host-session_token=.*; Path=\/;/);
    const cookie = cookieOf(response);
    const welcome = await app.inject({ url: `${prefix}/welcome?x=1`, headers: { cookie } });
    t.equal(welcome.body, 'Welcome user1!');
    t.equal((await app.inject(`${prefix}/livez`)).statusCode, 200);
    t.equal((await app.inject(`${prefix}/nowhere`)).statusCode, 404);
    t.equal((await app.inject({ method: 'PUT', url: `${prefix}/signin` })).statusCode, 405);
  });

  t.test(`the docs work behind a proxy that ${proxy} the path`, async (t) => {
    const app = await build(t, { env });
    const page = (await app.inject(`${prefix}/docs`)).body;
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    t.ok(files.length > 4);
    for (const file of files) {
      t.ok(file.startsWith('/login/docs/'), file);
      t.equal((await app.inject(file.replace('/login', prefix))).statusCode, 200, file);
    }
    const { servers } = (await app.inject(`${prefix}/docs/json`)).json();
    t.match(servers, [{ url: '/login' }, { url: 'https://example.com/login' }]);
  });
}

t.test('only whole segments count', async (t) => {
  const app = await build(t, { env });
  for (const url of ['/loginx/livez', '/login2', '/loginlivez', '/x/login/livez', '/Login/livez', '/login//livez']) {
    t.equal((await app.inject(url)).statusCode, 404, url);
  }
  for (const url of ['/login', '/login/', '/login?x', '/login/?x']) {
    t.match((await app.inject(url)).json(), { statusCode: 404, code: 'NOT_FOUND' }, url);
  }
});

t.test('a path that starts like a route of the service stops the start', async (t) => {
  for (const path of ['/signin', '/sessions/login', '/docs', '/readyz']) {
    const start = () => build(t, { env: { PUBLIC_URL: `https://example.com${path}` } });
    await t.rejects(start(), ConfigError, path);
  }
});
