import type { FastifyInstance, InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import { build, cookieOf, fakeClock, signIn, USER1, USER2 } from '../helpers/service.ts';

const TRUSTED = 'https://app.example.com';

/** What clients that are no browsers send, and the scripts of pages. */
const ACCEPTS = [undefined, '*/*', 'application/json', 'application/json, text/plain, */*', 'text/plain', 'image/*'];

const REQUESTS: (InjectOptions & { signedIn?: boolean })[] = [
  ...['/', '/signin', '/account', '/logout', '/refresh', '/welcome', '/nowhere', '/session', '/sessions', '/docs'].map(
    (url) => ({ url }),
  ),
  ...['/', '/signin', '/account', '/account/sessions/end-others', '/nowhere'].map((url) => ({
    url,
    method: 'POST' as const,
    payload: {},
  })),
  ...['/signin', '/account', '/logout'].map((url) => ({ url, method: 'DELETE' as const })),
  { url: '/signin', method: 'HEAD' },
  { url: '/signin', method: 'OPTIONS' },
  { url: '/signin', method: 'POST', payload: USER2 },
  { url: '/signin', method: 'POST', payload: { ...USER2, next: '/account' } },
  { url: '/signin', method: 'POST', payload: { ...USER1, password: 'wrong' } },
  { url: '/signin', method: 'POST', payload: 'x', headers: { 'content-type': 'text/plain' } },
  { url: '/signin', method: 'POST', payload: { username: 'a'.repeat(20_000) } },
  { url: '/signin', method: 'POST', payload: USER1, headers: { origin: 'https://evil.example' } },
  { url: '/welcome/%E0%A4%A' },
  { url: '/welcome', signedIn: true },
  { url: '/session', signedIn: true },
  { url: '/sessions', signedIn: true },
  { url: '/account', signedIn: true },
  { url: '/refresh', method: 'POST', signedIn: true },
  {
    url: '/password',
    method: 'POST',
    signedIn: true,
    payload: { currentPassword: 'wrong', newPassword: 'a horse, a battery' },
  },
  { url: '/sessions', method: 'DELETE', signedIn: true },
  { url: '/logout', signedIn: true },
  { url: '/logout', method: 'POST', signedIn: true },
];

/** A reply without what is random. */
async function replyTo(app: FastifyInstance, { signedIn, ...request }: (typeof REQUESTS)[number], accept?: string) {
  const headers = {
    origin: TRUSTED,
    ...(accept && { accept }),
    ...(signedIn && { cookie: await signIn(app) }),
    ...request.headers,
  };
  const { statusCode, headers: replied, body } = await app.inject({ ...request, headers });
  const withoutRandom = (text: string) =>
    text
      .replace(/[\w-]{22}\.[\w-]{43}/g, 'TOKEN')
      .replace(/device_token=[^;]*/g, 'device_token=TOKEN')
      .replace(/id\\":\\"[\w-]{22}/g, 'id: ID');
  const { date: _, 'x-request-id': __, ...others } = replied;
  return JSON.parse(withoutRandom(JSON.stringify({ statusCode, headers: others, body })));
}

/** No session expires during the test: the store removes it some time later. */
function start(t: Test, PAGES: string, clock: () => number) {
  return build(t, { clock, env: { PAGES, TRUSTED_ORIGINS: TRUSTED, SESSION_IDLE_SECONDS: '3600' } });
}

t.test('every reply to a request that does not prefer HTML is the same with and without pages', async (t) => {
  const clock = fakeClock();
  const [on, off] = [await start(t, 'on', clock), await start(t, 'off', clock)];
  t.ok(cookieOf(await on.inject({ method: 'POST', url: '/signin', payload: USER1 })));
  await signIn(off);
  for (const request of REQUESTS) {
    for (const accept of ACCEPTS) {
      // Sessions are listed by their time.
      clock.advance(1000);
      const [withPages, without] = [await replyTo(on, request, accept), await replyTo(off, request, accept)];
      t.same(withPages, without, `${request.method ?? 'GET'} ${request.url} ${accept}`);
    }
  }
});
