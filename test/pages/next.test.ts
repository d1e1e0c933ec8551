import t from 'tap';
import { originMatcher } from '../../src/http/trusted-origins.ts';
import { safeNext } from '../../src/pages/next.ts';

const AT_ROOT = {
  basePath: '',
  publicOrigin: 'https://login.example',
  isTrustedOrigin: originMatcher(['https://app.example', 'http://localhost:3000']),
};
const BELOW_A_PATH = { ...AT_ROOT, basePath: '/login' };

t.test('paths of this service and URLs of trusted origins are accepted', async (t) => {
  const accepted: Record<string, string> = {
    '/': '/',
    '/account': '/account',
    '/account?tab=1#top': '/account?tab=1#top',
    '/a/../b': '/b',
    '/ä?q=ü': '/%C3%A4?q=%C3%BC',
    '/?x=%2F%2Fevil.example': '/?x=%2F%2Fevil.example',
    '/?x=https://evil.example': '/?x=https://evil.example',
    '/%ff': '/%ff',
    'https://login.example/account': '/account',
    'https://LOGIN.example:443/account': '/account',
    'https://app.example': 'https://app.example/',
    'https://app.example/signin?a=1#b': 'https://app.example/signin?a=1#b',
    'HTTPS://app.example//x': 'https://app.example//x',
    'http://localhost:3000/x': 'http://localhost:3000/x',
  };
  for (const [text, expected] of Object.entries(accepted)) {
    t.equal(safeNext(text, AT_ROOT), expected, text);
  }
});

t.test('everything else is ignored', async (t) => {
  const ignored = [
    undefined,
    null,
    42,
    ['/account'],
    '',
    'account',
    '?x',
    '#x',
    ' /account',
    '/account ',
    '//evil',
    '///evil',
    '/\\evil',
    '\\\\evil',
    '/\t/evil',
    '/\n/evil',
    '\t//evil',
    '/a\r\nSet-Cookie: x=1',
    '/\u0000/evil',
    '/\u00a0',
    '/%2F%2Fevil.example',
    '/%2f..%5cevil.example',
    '/a//logout',
    '/x%2f..%2flogout',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    'https:evil',
    'https:/evil',
    'https:///evil',
    'https:\\evil',
    'https://',
    'https://evil.example',
    'https://login.example//evil.example',
    'https://login.example@evil.example',
    'https://login.example:x@evil.example',
    'https://user@login.example/account',
    'https://user:password@app.example/',
    'https://app.example@evil.example/',
    'https://app.example.evil.example/',
    'https://app.example:8443/',
    'http://app.example/',
    'https://app.example\\@evil.example',
    'https%3A%2F%2Fevil.example',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'blob:https://login.example/x',
    'ftp://app.example/',
    'http://[',
    `/${'x'.repeat(2048)}`,
  ];
  for (const text of ignored) {
    t.equal(safeNext(text, AT_ROOT), undefined, JSON.stringify(text));
  }
});

t.test('a sign-in never leads to the form again, or to the end of the session', async (t) => {
  for (const text of [
    '/signin',
    '/signin?next=/account',
    '/logout',
    '/%6cogout',
    '/logout/clear',
    'https://login.example/logout',
  ]) {
    t.equal(safeNext(text, AT_ROOT), undefined, text);
  }
  t.equal(safeNext('/login/logout', BELOW_A_PATH), undefined);
  t.equal(
    safeNext('/login/logout', { ...BELOW_A_PATH, isTrustedOrigin: originMatcher(['https://login.example']) }),
    undefined,
  );
});

t.test('with a base path, other paths of the origin are accepted only if the origin is trusted', async (t) => {
  for (const text of ['/login', '/login/', '/login/account', 'https://login.example/login/account']) {
    t.equal(safeNext(text, BELOW_A_PATH), new URL(text, 'https://login.example').pathname, text);
  }
  for (const text of ['/', '/account', '/loginx', '/login/../app', 'https://login.example/app']) {
    t.equal(safeNext(text, BELOW_A_PATH), undefined, text);
  }
  const trusting = { ...BELOW_A_PATH, isTrustedOrigin: originMatcher(['https://login.example']) };
  t.equal(safeNext('/app?x', trusting), 'https://login.example/app?x');
  t.equal(safeNext('/login/account', trusting), '/login/account');
});
