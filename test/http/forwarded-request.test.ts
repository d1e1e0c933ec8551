import t from 'tap';
import { forwardedRequest, isPlainPath, originalRequest } from '../../src/http/forwarded-request.ts';

const FORWARDED = {
  'x-forwarded-method': 'POST',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'app.example.com',
  'x-forwarded-uri': '/a/b?c=d,e',
};
const ORIGINAL = { 'x-original-method': 'POST', 'x-original-url': 'https://app.example.com/a/b?c=d,e' };

t.test('both kinds of headers say which request it is', async (t) => {
  for (const request of [forwardedRequest(FORWARDED), originalRequest(ORIGINAL)]) {
    t.match(request, { method: 'POST', path: '/a/b' });
    t.equal(request?.url.href, 'https://app.example.com/a/b?c=d,e');
  }
});

t.test('one kind is not read for the other', async (t) => {
  t.equal(forwardedRequest(ORIGINAL), undefined);
  t.equal(originalRequest(FORWARDED), undefined);
});

t.test('the origin has the form that browsers send', async (t) => {
  const origins = {
    'app.example.com': 'https://app.example.com',
    'App.Example.COM': 'https://app.example.com',
    'app.example.com:443': 'https://app.example.com',
    'app.example.com:8443': 'https://app.example.com:8443',
    'app.example.com.': 'https://app.example.com.',
    '192.0.2.1:8443': 'https://192.0.2.1:8443',
    '[2001:DB8::1]': 'https://[2001:db8::1]',
    '[2001:db8::1]:8443': 'https://[2001:db8::1]:8443',
    '0x7f.1': 'https://127.0.0.1',
  };
  for (const [host, origin] of Object.entries(origins)) {
    t.equal(forwardedRequest({ ...FORWARDED, 'x-forwarded-host': host })?.url.origin, origin, host);
    const original = { ...ORIGINAL, 'x-original-url': `https://${host}/` };
    t.equal(originalRequest(original)?.url.origin, origin, host);
  }
});

t.test('the scheme of a WebSocket is that of the page', async (t) => {
  for (const [scheme, origin] of Object.entries({ ws: 'http://app.example.com', wss: 'https://app.example.com' })) {
    t.equal(forwardedRequest({ ...FORWARDED, 'x-forwarded-proto': scheme })?.url.origin, origin);
  }
});

t.test('a header that is missing, double, forged or too long is refused', async (t) => {
  const wrong: Record<keyof typeof FORWARDED, string[]> = {
    'x-forwarded-method': ['', 'GET, POST', 'GET POST', 'G\tT', 'x'.repeat(33)],
    'x-forwarded-proto': ['', 'https, http', 'HTTPS', 'ftp', 'javascript', 'https:'],
    'x-forwarded-host': [
      '',
      'a.example, b.example',
      'a.example/b',
      'a.example?b',
      'a.example#b',
      'user@a.example',
      'user:pw@a.example',
      'a.example\\b',
      'a example',
      'a.example:port',
      'a.example:99999',
      'a.example:',
      ':443',
      '[::1',
      '[::g]',
      '*.example.com',
      'ä.example',
      `${'a'.repeat(260)}.example`,
    ],
    'x-forwarded-uri': ['', '*', 'a', 'https://a.example/', '/a, /b', '/a b', '/a\tb', '?a'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      t.equal(forwardedRequest({ ...FORWARDED, [name]: value }), undefined, `${name}: ${value}`);
    }
    t.equal(forwardedRequest({ ...FORWARDED, [name]: undefined }), undefined, `no ${name}`);
  }
  for (const url of [
    '',
    '/a',
    'app.example.com/a',
    'https://app.example.com',
    'https:///a',
    'https:app.example.com/a',
    'ftp://app.example.com/a',
    'javascript://app.example.com/a',
    'https://user@app.example.com/a',
    'https://app.example.com/a, https://app.example.com/b',
    'https://app.example.com\\@evil.test/a',
    'https://app.example.com?a',
    'https://app.example.com#/a',
    'HTTPS://app.example.com/a b',
  ]) {
    t.equal(originalRequest({ ...ORIGINAL, 'x-original-url': url }), undefined, url);
  }
  t.equal(originalRequest({ ...ORIGINAL, 'x-original-method': undefined }), undefined);
  t.equal(originalRequest({ ...ORIGINAL, 'x-original-url': undefined }), undefined);
});

t.test('bytes that are not ASCII are percent-encoded as they are', async (t) => {
  const uri = '/\xc3\xa4?b=\xe4';
  t.equal(forwardedRequest({ ...FORWARDED, 'x-forwarded-uri': uri })?.url.href, 'https://app.example.com/%C3%A4?b=%E4');
  t.equal(
    originalRequest({ ...ORIGINAL, 'x-original-url': `https://app.example.com${uri}` })?.url.href,
    'https://app.example.com/%C3%A4?b=%E4',
  );
});

t.test('a long URL is no fault: the app may have one', async (t) => {
  const uri = `/a?${'b'.repeat(8000)}`;
  t.equal(forwardedRequest({ ...FORWARDED, 'x-forwarded-uri': uri })?.url.search.length, 8001);
});

t.test('a path is plain if every server reads it in the same way', async (t) => {
  for (const path of ['/', '/a', '/a/', '/a.b/~c/_d-e']) {
    t.equal(isPlainPath(path), true, path);
  }
  for (const path of [
    '',
    'a',
    '//a',
    '/a//b',
    '/a/../b',
    '/a/.',
    '/a%2fb',
    '/a%2e%2e/b',
    '/a;b',
    '/a\\b',
    '/ä',
    '/a?b',
  ]) {
    t.equal(isPlainPath(path), false, path);
  }
});
