import t from 'tap';
import { startNginx } from '../helpers/nginx.ts';
import { program } from '../helpers/programs.ts';
import { freePort } from '../helpers/redis-server.ts';
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
  });
}
