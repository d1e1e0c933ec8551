import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { startCaddy } from '../../helpers/caddy.ts';
import { freePort, startListening } from '../../helpers/ports.ts';
import { program } from '../../helpers/programs.ts';
import { replaced } from '../../helpers/proxies.ts';
import { startServer } from '../../helpers/server-process.ts';
import { USER1 } from '../../helpers/service.ts';

// "Five minutes on one machine" of docs/operation.md, with other ports.

const docs = readFileSync(new URL('../../../docs/operation.md', import.meta.url), 'utf8');
const [, section = ''] = /^### Five minutes on one machine\n(.*?)^### /ms.exec(docs) ?? [];
const [settings = '', app = '', caddyfile = ''] = [...section.matchAll(/^```\w+\n(.*?)^```/gms)].map(
  ([, code = '']) => code,
);

/** Starts the app of the page with the shell. */
async function startApp(t: Test, port: number): Promise<void> {
  await startListening(t, port, 'sh', ['-c', `exec ${replaced(app, { '3000': String(port) })}`]);
}

/** `fetch` would add `Sec-Fetch-Mode`, and refuse some headers. */
async function get(options: RequestOptions) {
  const outgoing = request({ ...options, agent: false }).end();
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: reply.statusCode, headers: reply.headers, body: (await buffer(reply)).toString() };
}

t.test('the app greets the user after the sign-in, and no longer after the sign-out', async (t) => {
  const caddy = program(t, 'caddy');
  if (caddy === undefined) {
    return;
  }
  const [proxyPort, appPort] = [await freePort(), await freePort()];
  const site = `http://localhost:${proxyPort}`;
  const env = Object.fromEntries(
    [...replaced(settings, { 'http://localhost:9000': site }).matchAll(/\b([A-Z_]+)=(\S+)/gm)].map(
      ([, name, value]) => [name, value],
    ),
  ) as Record<string, string>;
  t.same(Object.keys(env), ['TRUSTED_ORIGINS', 'TRUST_PROXY', 'SESSION_RENEWAL']);
  const { port } = await startServer(t, { ...env, DEMO_USERS: 'on' });
  await startApp(t, appPort);
  const config = replaced(caddyfile, {
    'http://localhost:9000': site,
    '127.0.0.1:8080': `127.0.0.1:${port}`,
    '127.0.0.1:3000': `127.0.0.1:${appPort}`,
  });
  await startCaddy(t, { caddy, port: proxyPort, config });

  const visit = (headers: Record<string, string> = {}) =>
    get({ host: '127.0.0.1', port: proxyPort, path: '/a?b=c', headers: { host: new URL(site).host, ...headers } });
  const stranger = await visit({ accept: 'text/html', 'remote-user': 'root' });
  t.equal(stranger.status, 303);
  t.equal(new URL(stranger.headers.location ?? '').searchParams.get('next'), `${site}/a?b=c`);
  const login = `http://127.0.0.1:${port}`;
  const signedIn = await fetch(`${login}/signin`, { method: 'POST', body: new URLSearchParams(USER1) });
  const [cookie = ''] = signedIn.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '');
  for (const headers of [
    {},
    { 'remote-user': 'root', remote_user: 'root' },
    { connection: 'keep-alive, remote-user' },
  ]) {
    const { body } = await visit({ cookie, ...headers } as Record<string, string>);
    t.equal(body, `Hello ${USER1.username}`);
  }
  await fetch(`${login}/logout`, { method: 'POST', headers: { cookie } });
  t.equal((await visit({ cookie })).status, 401);
});
