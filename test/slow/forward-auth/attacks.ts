import type { Test } from 'tap';
import { APP } from '../../helpers/proxies.ts';
import { type HeaderList, NAVIGATION, sayHello, send } from './client.ts';
import { ask, type Case, type Front, nextOf, ORIGIN, received, USER } from './front.ts';

async function crossSite(t: Test, front: Front): Promise<void> {
  const post = async (headers: HeaderList, path = '/notes') =>
    (await ask(front, { method: 'POST', path, headers, body: Buffer.from('note=x') })).status;
  t.equal(
    await post([
      ['Sec-Fetch-Site', 'cross-site'],
      ['Origin', 'https://evil.test'],
    ]),
    403,
  );
  t.equal(
    await post([
      ['Sec-Fetch-Site', 'same-site'],
      ['Origin', 'https://other.example.com'],
    ]),
    403,
  );
  t.equal(await post([['Sec-Fetch-Site', 'cross-site']]), 403);
  t.equal(await post([['Origin', 'https://evil.test']]), 403, 'a browser without Fetch Metadata');
  t.equal(await post([['Origin', 'null']]), 403);
  t.equal(
    await post([
      ['Sec-Fetch-Site', 'same-origin'],
      ['Origin', ORIGIN],
    ]),
    200,
  );
  t.equal(await post([['Origin', ORIGIN]]), 200);
  t.equal(await post([]), 200, 'not a browser');
  const foreign: HeaderList = [
    ['Sec-Fetch-Site', 'cross-site'],
    ['Origin', 'https://evil.test'],
  ];
  t.equal(await post(foreign, '/hooks/paid'), 200, 'an exempt path');
  t.equal((await ask(front, { headers: foreign })).status, 200, 'a link of another site');
}

const FORGED: HeaderList = [
  ['X-Forwarded-Method', 'GET'],
  ['X-Forwarded-Proto', 'http'],
  ['X-Forwarded-Host', 'evil.test'],
  ['X-Forwarded-Uri', '/hooks/paid'],
  ['X-Forwarded-For', '192.0.2.1'],
  ['X-Original-Method', 'GET'],
  ['X-Original-URL', `${ORIGIN}/hooks/paid`],
  ['X-Rewrite-URL', '/hooks/paid'],
  ['Forwarded', 'for=192.0.2.1;host=evil.test;proto=http'],
];

async function forgedTarget(t: Test, front: Front): Promise<void> {
  const named: HeaderList = [['Connection', `close, ${FORGED.map(([name]) => name).join(', ')}, Sec-Fetch-Site`]];
  const unsigned = await send(front.port, { path: '/a?b=c', headers: [...NAVIGATION, ...FORGED] });
  t.match([unsigned.status, nextOf(unsigned)], [303, `${ORIGIN}/a?b=c`]);
  for (const headers of [FORGED, [...FORGED, ...FORGED], [...FORGED, ...named]]) {
    const foreign: HeaderList = [...headers, ['Origin', 'https://evil.test'], ['Sec-Fetch-Site', 'cross-site']];
    t.equal((await ask(front, { method: 'POST', path: '/notes', headers: foreign })).status, 403);
    const reply = await ask(front, { path: '/a?b=c', headers });
    t.equal(reply.status, 200);
    const app = received(reply).headers;
    t.match(app, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': /^https$/, 'x-forwarded-host': APP });
    t.match([app.forwarded, app['x-original-url'], app['x-rewrite-url']], [undefined, undefined, undefined]);
  }
}

async function oddHosts(t: Test, front: Front): Promise<void> {
  t.equal((await ask(front, { host: APP.toUpperCase() })).status, 200, 'upper case is the same host');
  const hosts = [`${APP}.`, `${APP}:444`, 'other.example.com', 'evil.test', `${APP}.evil.test`, `evil.test,${APP}`];
  for (const host of [...hosts, `${APP}@evil.test`, `${APP}/x`, '[::1]', 'xn--a.example.com', 'example.com', ' ']) {
    const { status = 0 } = await ask(front, { host });
    t.ok(status >= 400 && status < 500, `${host}: ${status}`);
    const { status: unsigned = 0 } = await send(front.port, { host, headers: NAVIGATION });
    t.ok(unsigned >= 400 && unsigned < 500, `${host}, not signed in: ${unsigned}`);
  }
}

async function webSocket(t: Test, front: Front): Promise<void> {
  const { cookie } = front;
  t.equal(
    await sayHello(front.port, { cookie, origin: ORIGIN, 'sec-fetch-site': 'same-origin' }),
    `${USER.username}: hello`,
  );
  t.equal(await sayHello(front.port, { cookie, origin: ORIGIN, 'remote-user': 'admin' }), `${USER.username}: hello`);
  t.equal(await sayHello(front.port, { cookie, origin: 'https://evil.test' }), 403);
  const sibling = { origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' };
  t.equal(await sayHello(front.port, { cookie, ...sibling }), 403);
}

/** What a proxy must refuse. */
export const ATTACKS: Record<string, Case> = {
  'what another site makes a browser send is refused': crossSite,
  'forged headers have no effect': forgedTarget,
  'only the host of the app is let through': oddHosts,
  'a WebSocket passes if it is signed in and of the same origin': webSocket,
};
