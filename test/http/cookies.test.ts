import Fastify, { type FastifyRequest } from 'fastify';
import t, { type Test } from 'tap';
import { type CookieOptions, ServiceCookie } from '../../src/http/cookies.ts';
import { fakeClock } from '../helpers/service.ts';

const clock = fakeClock();
const DEFAULTS = { name: 'session_token', secure: false };

function newCookie(t: Test, options: CookieOptions = {}): Promise<ServiceCookie> {
  const app = Fastify();
  t.teardown(() => app.close());
  return ServiceCookie.create(app, clock, DEFAULTS, options);
}

/** Reads the cookie of a request with this `Cookie` header. */
async function reader(t: Test, options: CookieOptions = {}) {
  const cookie = await newCookie(t, options);
  return (header?: string) => cookie.read({ headers: { cookie: header } } as FastifyRequest);
}

t.test('the value is read exactly as it was sent', async (t) => {
  const read = await reader(t);
  t.same(read('session_token=a.b'), ['a.b']);
  t.same(read('a=1; session_token=a.b; z=2'), ['a.b']);
  t.same(read('a=1;session_token=a.b ;z=2'), ['a.b']);
  t.same(read('session_token="a.b"'), ['"a.b"'], 'quotes are part of the value (RFC 6265, section 4.1.1)');
  t.same(read('session_token=a%2Eb'), ['a%2Eb']);
  t.same(read('session_token=a=b'), ['a=b']);
  t.same(read('session_token='), ['']);
});

t.test('every value is read: more than one is for the caller to refuse', async (t) => {
  const read = await reader(t);
  t.same(read('session_token=a; session_token=b'), ['a', 'b']);
});

t.test('other cookies are not it', async (t) => {
  const read = await reader(t);
  t.same(read(), []);
  t.same(read(''), []);
  t.same(read('session_token'), []);
  t.same(read('Session_Token=a; xsession_token=b; session_tokens=c; __Host-session_token=d; =session_token=e'), []);
});

t.test('over HTTPS only the __Host- name is read (ASVS 3.3.3)', async (t) => {
  const read = await reader(t, { secure: true });
  t.same(read('session_token=a; __Host-session_token=b'), ['b']);
});

t.test('it is written for this host only, until it expires, and cleared with an expired empty value', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const cookie = await ServiceCookie.create(app, clock, DEFAULTS, { secure: true });
  app.get('/write', async (_request, reply) => {
    cookie.write(reply, 'a.b', clock() + 1500);
    return '';
  });
  app.get('/clear', async (_request, reply) => {
    cookie.clear(reply);
    return '';
  });
  const attributes = 'Path=/; HttpOnly; Secure; SameSite=Lax';
  const setCookie = async (url: string) => {
    const [first = '', ...rest] = String((await app.inject(url)).headers['set-cookie']).split('; ');
    return [first, rest.sort().join('; ')];
  };
  const sorted = (text: string) => text.split('; ').sort().join('; ');
  t.same(await setCookie('/write'), [
    '__Host-session_token=a.b',
    sorted(`${attributes}; Max-Age=2; Expires=Tue, 01 Jan 2030 12:00:01 GMT`),
  ]);
  t.same(await setCookie('/clear'), [
    '__Host-session_token=',
    sorted(`${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`),
  ]);
});

t.test('with a domain, all its hosts receive the cookie, and over HTTPS the prefix is __Secure-', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const cookies = {
    secure: await ServiceCookie.create(app, clock, DEFAULTS, { secure: true, domain: 'example.com' }),
    plain: await ServiceCookie.create(app, clock, DEFAULTS, { domain: 'example.com' }),
  };
  app.get('/:kind/:action', async (request, reply) => {
    const { kind, action } = request.params as { kind: keyof typeof cookies; action: string };
    if (action === 'write') {
      cookies[kind].write(reply, 'a.b', clock() + 1500);
    } else {
      cookies[kind].clear(reply);
    }
    return '';
  });
  const setCookie = async (url: string) => String((await app.inject(url)).headers['set-cookie']);
  for (const action of ['write', 'clear']) {
    const secure = await setCookie(`/secure/${action}`);
    t.match(secure, /^__Secure-session_token=(a\.b)?;/);
    t.match(secure, '; Domain=example.com;');
    t.match(secure, '; Secure;');
    const plain = await setCookie(`/plain/${action}`);
    t.match(plain, /^session_token=(a\.b)?;/);
    t.match(plain, '; Domain=example.com;');
    t.notMatch(plain, 'Secure');
  }
  t.equal(cookies.secure.name, '__Secure-session_token');
  const headers = { cookie: 'session_token=a; __Host-session_token=b; __Secure-session_token=c' };
  t.same(cookies.secure.read({ headers } as FastifyRequest), ['c']);
});

t.test('a name that is undefined is the default name', async (t) => {
  const options = { name: undefined } as unknown as CookieOptions;
  t.equal((await newCookie(t, options)).name, 'session_token');
});
