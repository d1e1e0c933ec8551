import { createHash, randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { APP, LOGIN } from '../../helpers/proxies.ts';
import { type HeaderList, NAVIGATION, type Received, sayHello, send, sendHttp2 } from './client.ts';
import { ask, type Case, type Front, identityIn, nextOf, ORIGIN, received, signIn } from './front.ts';

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

const FORGED_IDENTITY: HeaderList = [
  ...['Remote-User', 'remote-user', 'REMOTE-USER-ID', 'Remote-Session-Id', 'Remote_User', 'REMOTE_USER'],
  ...['remote_user_id', 'Remote_User-Id', 'Remote-User_Id', 'Remote_Session_Id', 'Remote-Session_Id'],
  ...['Remote-Groups', 'remote_groups', 'Remote-Email', 'Remote-Name'],
].map((name) => [name, 'admin']);

async function identity(t: Test, front: Front): Promise<void> {
  const plain = await ask(front, { path: '/a?b=c' });
  t.equal(plain.status, 200);
  t.match(received(plain), { method: 'GET', url: '/a?b=c', headers: { host: APP } });
  t.same(identityIn(received(plain)), front.identity);
  t.same(identityIn(received(await ask(front, { headers: FORGED_IDENTITY }))), front.identity);
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

/** Without HTTP/2 in a recipe there is nothing to test. */
async function http2(t: Test, { name, port, cookie, identity }: Front): Promise<void> {
  const unsigned = await sendHttp2(port, { path: '/a?b=c', headers: NAVIGATION });
  if (name === 'caddy' || name === 'haproxy') {
    t.match([unsigned?.status, unsigned && nextOf(unsigned)], [303, `${ORIGIN}/a?b=c`]);
    const reply = await sendHttp2(port, { path: '/a?b=c', headers: [...FORGED_IDENTITY, ['cookie', cookie]] });
    const app = reply && received(reply);
    t.match(app, { url: '/a?b=c', headers: { host: APP } });
    t.same(app && identityIn(app), identity);
  } else {
    t.equal(unsigned, undefined, 'the recipe has no HTTP/2');
  }
}

/** What each recipe of examples/forward-auth promises. */
export const CASES: Record<string, Case> = {
  'a navigation that is not signed in is redirected to the sign-in page': navigation,
  'the way back keeps a long URL and encoded characters': longAndEncoded,
  'everything else that is not signed in is 401': embedded,
  'the app gets the headers of the login, and none of the client': identity,
  'the app does not get the session cookie': sessionCookie,
  'a body arrives complete, with any method': bodies,
  'a 500 of the app stays one': statusesOfTheApp,
  'clients cannot ask the login service themselves': closedToClients,
  'HTTP/2 is no way around': http2,
  'a sign-out ends access at once': signOut,
};
