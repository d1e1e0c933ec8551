import type { FastifyRequest } from 'fastify';
import t from 'tap';
import { SessionCookie } from '../../src/plugins/session-cookie.ts';

const jar = new SessionCookie(String, Date.now);
const read = (cookie?: string) => jar.read({ headers: { cookie } } as FastifyRequest);

t.test('the value is read exactly as it was sent', async (t) => {
  t.same(read('session_token=a.b'), ['a.b']);
  t.same(read('a=1; session_token=a.b; z=2'), ['a.b']);
  t.same(read('a=1;session_token=a.b ;z=2'), ['a.b']);
  t.same(read('session_token="a.b"'), ['"a.b"'], 'quotes are part of the value (RFC 6265, section 4.1.1)');
  t.same(read('session_token=a%2Eb'), ['a%2Eb']);
  t.same(read('session_token=a=b'), ['a=b']);
  t.same(read('session_token='), ['']);
});

t.test('every value is read: more than one is for the caller to refuse', async (t) => {
  t.same(read('session_token=a; session_token=b'), ['a', 'b']);
});

t.test('other cookies are not it', async (t) => {
  t.same(read(), []);
  t.same(read(''), []);
  t.same(read('session_token'), []);
  t.same(
    read('Session_Token=a; xsession_token=b; session_tokens=c; __Host-session_token=d; =session_token=e'),
    [],
  );
});

t.test('over HTTPS only the __Host- name is read (ASVS 3.3.3)', async (t) => {
  const secure = new SessionCookie(String, Date.now, { secure: true });
  t.same(secure.read({ headers: { cookie: 'session_token=a; __Host-session_token=b' } } as FastifyRequest), [
    'b',
  ]);
});
