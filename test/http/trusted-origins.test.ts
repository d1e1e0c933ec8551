import t from 'tap';
import { originMatcher, toOrigin } from '../../src/http/trusted-origins.ts';

t.test('an origin matches exactly, and a pattern stands for all hosts below its domain', async (t) => {
  const isTrusted = originMatcher(
    ['https://Login.example:443', 'https://*.example.com', 'http://*.localhost:3000'].map(toOrigin),
  );
  for (const origin of [
    'https://login.example',
    'https://app.example.com',
    'https://a.b-c.example.com',
    'https://_x.example.com',
    'http://app.localhost:3000',
  ]) {
    t.equal(isTrusted(origin), true, origin);
  }
  for (const origin of [
    'null',
    '',
    'https://example.com',
    'https://.example.com',
    'https://a..example.com',
    'https://badexample.com',
    'https://app.example.com.',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://evil.test/.example.com',
    'https://evil.test#.example.com',
    'https://evil.test:1@x.example.com',
    'https://evil.test\\.example.com',
    'https://evil.test app.example.com',
    'https://*.example.com.evil.test',
    'http://app.localhost',
    'https://login.example:443',
  ]) {
    t.equal(isTrusted(origin), false, origin);
  }
});
