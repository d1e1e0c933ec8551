import t from 'tap';
import { startNginx } from '../helpers/nginx.ts';
import { freePort } from '../helpers/ports.ts';
import { program } from '../helpers/programs.ts';
import { startServer } from '../helpers/server-process.ts';

for (const [how, upstreamPath] of [
  ['keeps', ''],
  ['removes', '/'],
] as const) {
  t.test(`behind an nginx that ${how} the path`, async (t) => {
    const nginx = program(t, 'nginx');
    if (nginx === undefined) {
      return;
    }
    const front = await freePort();
    const publicUrl = `http://127.0.0.1:${front}/login`;
    const { port } = await startServer(t, { PUBLIC_URL: publicUrl });
    const proxy = `proxy_pass http://127.0.0.1:${port}${upstreamPath}; proxy_set_header Host $http_host;`;
    await startNginx(t, { nginx, port: front, server: `location /login/ { ${proxy} }` });

    const signedIn = await fetch(`${publicUrl}/signin`, {
      method: 'POST',
      headers: { origin: new URL(publicUrl).origin },
      body: new URLSearchParams({ username: 'user1', password: 'password1' }),
    });
    t.equal(signedIn.status, 200);
    const [cookie = ''] = signedIn.headers.getSetCookie().map((line) => line.split(';', 1)[0]);
    t.equal(await (await fetch(`${publicUrl}/welcome`, { headers: { cookie } })).text(), 'Welcome user1!');
    t.equal((await fetch(`${publicUrl}/nowhere`)).status, 404);

    const page = (path: string, init: RequestInit = {}) =>
      fetch(new URL(path, publicUrl), {
        redirect: 'manual',
        ...init,
        headers: { accept: 'text/html', ...init.headers },
      });
    t.equal((await page('/login/')).headers.get('location'), '/login/signin');
    const form = await (await page('/login/signin?next=/login/welcome')).text();
    t.match(form, 'action="/login/signin"');
    const files = [...form.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file);
    t.ok(files.length >= 3);
    for (const file of [...files, '/login/session.js']) {
      t.equal((await page(file)).status, 200, file);
    }
    const body = new URLSearchParams({ username: 'user1', password: 'password1', next: '/login/welcome' });
    const arrived = await page('/login/signin', { method: 'POST', body });
    t.match([arrived.status, arrived.headers.get('location')], [303, '/login/welcome']);
    t.match(await (await page('/login/account', { headers: { cookie } })).text(), 'action="/login/logout"');
    t.equal((await page('/login/account')).headers.get('location'), '/login/signin?next=%2Flogin%2Faccount');
    const left = await page('/login/logout', { headers: { cookie } });
    t.equal(left.headers.get('location'), '/login/signin?signed-out');
  });
}
