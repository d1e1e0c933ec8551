import { createHash, randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { APP, LOGIN } from '../../helpers/proxies.ts';
import { ANN } from '../../helpers/service.ts';
import { type HeaderList, NAVIGATION, type Received, type Reply, type Sent, sayHello, send } from './client.ts';

// What each recipe of examples/forward-auth promises. Each case runs behind each proxy.

const ORIGIN = `https://${APP}`;

/** A proxy with the service and the app behind it. */
export interface Front {
  readonly name: string;
  readonly port: number;
  /** The session cookie of a user who is signed in, as `name=value`. */
  readonly cookie: string;
  /** What the service answers about this session. */
  readonly identity: Record<string, string>;
}

type Case = (t: Test, front: Front) => Promise<void>;

const cookieOf = ({ headers }: Reply) => headers['set-cookie']?.[0]?.split(';')[0] ?? '';

export async function signIn(port: number): Promise<string> {
  const headers: HeaderList = [['Content-Type', 'application/json']];
  const body = Buffer.from(JSON.stringify(ANN));
  const reply = await send(port, { method: 'POST', host: LOGIN, path: '/signin', headers, body });
  if (reply.status !== 200) {
    throw new Error(`the sign-in was answered with ${reply.status}: ${reply.body}`);
  }
  return cookieOf(reply);
}

/** Sends a request with the session cookie. */
const ask = ({ port, cookie }: Front, { headers = [], ...sent }: Sent = {}) =>
  send(port, { ...sent, headers: [['Cookie', cookie], ...headers] });

const received = ({ body }: Reply): Received => JSON.parse(body);

/** The headers whose names an app may read as those of the login. */
const identityIn = ({ headers }: Received) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /^remote[-_.]/i.test(name)));

/** Where a redirect to the sign-in page leads back to. */
const nextOf = ({ headers }: Reply) => new URL(headers.location ?? 'about:blank').searchParams.get('next');

async function navigation(t: Test, { port }: Front): Promise<void> {
  const reply = await send(port, { path: '/a?b=c', headers: NAVIGATION });
  t.equal(reply.status, 303);
  t.equal(reply.headers.location, `https://${LOGIN}/signin?next=${encodeURIComponent(`${ORIGIN}/a?b=c`)}`);
  t.equal(reply.headers['cache-control'], 'no-store');
  const old = await send(port, { path: '/a?b=c', headers: [['Accept', 'text/html,*/*;q=0.8']] });
  t.match([old.status, nextOf(old)], [303, `${ORIGIN}/a?b=c`], 'a browser without Fetch Metadata');
}

async function longAndEncoded(t: Test, { port }: Front): Promise<void> {
  const paths = ['/a%20b/%E2%82%AC/x%2Fy?q=a%26b&r=%3D+%25&next=https://evil.test/', `/long?${'x'.repeat(1800)}`];
  for (const path of paths) {
    const reply = await send(port, { path, headers: NAVIGATION });
    t.match([reply.status, nextOf(reply)], [303, `${ORIGIN}${path}`]);
  }
}

async function embedded(t: Test, { port }: Front): Promise<void> {
  const loads: Record<string, HeaderList> = {
    fetch: [
      ['Accept', '*/*'],
      ['Sec-Fetch-Mode', 'cors'],
      ['Sec-Fetch-Dest', 'empty'],
    ],
    'fetch of HTML': [
      ['Accept', 'text/html'],
      ['Sec-Fetch-Mode', 'cors'],
      ['Sec-Fetch-Dest', 'empty'],
    ],
    image: [
      ['Accept', 'image/*'],
      ['Sec-Fetch-Mode', 'no-cors'],
      ['Sec-Fetch-Dest', 'image'],
    ],
    frame: [
      ['Accept', 'text/html'],
      ['Sec-Fetch-Mode', 'navigate'],
      ['Sec-Fetch-Dest', 'iframe'],
    ],
    curl: [],
  };
  for (const [what, headers] of Object.entries(loads)) {
    const reply = await send(port, { headers });
    t.match([reply.status, reply.headers['set-cookie']], [401, undefined], what);
  }
  t.equal(await sayHello(port, { origin: ORIGIN }), 401, 'WebSocket');
  t.equal((await send(port, { method: 'POST', body: Buffer.from('x') })).status, 401, 'POST');
}

async function identity(t: Test, front: Front): Promise<void> {
  const plain = await ask(front, { path: '/a?b=c' });
  t.equal(plain.status, 200);
  t.match(received(plain), { method: 'GET', url: '/a?b=c', headers: { host: APP } });
  t.same(identityIn(received(plain)), front.identity);
  const forged: HeaderList = [
    ...['Remote-User', 'remote-user', 'REMOTE-USER-ID', 'Remote-Session-Id', 'Remote-Groups', 'Remote_User'],
    ...['REMOTE_USER', 'remote_user_id', 'Remote_User-Id', 'Remote-User_Id', 'Remote_Session_Id', 'Remote-Session_Id'],
  ].map((name) => [name, 'admin']);
  t.match(identityIn(received(await ask(front, { headers: forged }))), front.identity);
  const names = Object.keys(identityIn(received(await ask(front, { headers: forged }))));
  t.same(
    names.filter((name) => !(name in front.identity) && name !== 'remote-groups'),
    [],
  );
  const named = await ask(front, {
    headers: [['Connection', 'close, Remote-User, Remote-User-Id, Remote-Session-Id']],
  });
  t.same(identityIn(received(named)), front.identity, 'headers that Connection names');
}

async function sessionCookie(t: Test, front: Front): Promise<void> {
  const cookie = (value: string) => send(front.port, { headers: [['Cookie', value]] });
  for (const [sent, passed] of [
    [front.cookie, ''],
    [`${front.cookie}; a=1`, 'a=1'],
    [`a=1; ${front.cookie}; b=2,3`, 'a=1; b=2,3'],
    [`a=1; ${front.cookie}`, 'a=1'],
  ] as const) {
    const { status, body } = await cookie(sent);
    t.equal(status, 200);
    const { headers } = JSON.parse(body) as Received;
    const expected = front.name === 'traefik' ? sent : passed;
    t.equal((headers.cookie ?? '').replace(/^; /, ''), expected);
  }
}

async function bodies(t: Test, front: Front): Promise<void> {
  const body = randomBytes(2 ** 20);
  const sha256 = createHash('sha256').update(body).digest('hex');
  for (const method of ['POST', 'PUT']) {
    const headers: HeaderList = [
      ['Origin', ORIGIN],
      ['Sec-Fetch-Site', 'same-origin'],
    ];
    const reply = await ask(front, { method, path: '/notes', headers, body });
    t.equal(reply.status, 200);
    t.match(received(reply), { method, url: '/notes', body: { bytes: body.length, sha256 } });
    t.same(identityIn(received(reply)), front.identity);
  }
  for (const method of ['DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
    t.match(received(await ask(front, { method })), { method });
  }
  t.match(await ask(front, { method: 'HEAD' }), { status: 200, body: '' });
}

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
  t.equal(await sayHello(front.port, { cookie, origin: ORIGIN, 'sec-fetch-site': 'same-origin' }), 'ann: hello');
  t.equal(await sayHello(front.port, { cookie, origin: ORIGIN, 'remote-user': 'admin' }), 'ann: hello');
  t.equal(await sayHello(front.port, { cookie, origin: 'https://evil.test' }), 403);
  const sibling = { origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' };
  t.equal(await sayHello(front.port, { cookie, ...sibling }), 403);
}

async function statusesOfTheApp(t: Test, front: Front): Promise<void> {
  const reply = await ask(front, { path: '/error' });
  t.equal(reply.status, 500);
  t.equal(received(reply).url, '/error');
  t.equal(reply.headers['retry-after'], undefined);
}

async function closedToClients(t: Test, front: Front): Promise<void> {
  for (const path of ['/auth-request', '/forward-auth', '/forward%2Dauth']) {
    const headers: HeaderList = [
      ['X-Original-URL', `${ORIGIN}/`],
      ['X-Original-Method', 'GET'],
    ];
    const { status, headers: sent } = await ask(front, { host: LOGIN, path, headers });
    t.match([status, sent['remote-user']], [404, undefined], path);
  }
  t.equal((await send(front.port, { host: LOGIN, path: '/livez' })).status, 200);
}

async function signOut(t: Test, front: Front): Promise<void> {
  const cookie = await signIn(front.port);
  const other = { ...front, cookie };
  t.equal((await ask(other)).status, 200);
  t.equal((await ask(other, { method: 'POST', host: LOGIN, path: '/logout' })).status, 200);
  t.equal((await ask(other)).status, 401);
}

export const CASES: Record<string, Case> = {
  'a navigation that is not signed in is redirected to the sign-in page': navigation,
  'the way back keeps a long URL and encoded characters': longAndEncoded,
  'everything else that is not signed in is 401': embedded,
  'the app gets the headers of the login, and none of the client': identity,
  'the app does not get the session cookie': sessionCookie,
  'a body arrives complete, with any method': bodies,
  'what another site makes a browser send is refused': crossSite,
  'forged headers have no effect': forgedTarget,
  'only the host of the app is let through': oddHosts,
  'a WebSocket passes if it is signed in and of the same origin': webSocket,
  'a 500 of the app stays one': statusesOfTheApp,
  'clients cannot ask the login service themselves': closedToClients,
  'a sign-out ends access at once': signOut,
};
