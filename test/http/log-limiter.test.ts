import type { FastifyBaseLogger } from 'fastify';
import t from 'tap';
import { LogLimiter } from '../../src/http/log-limiter.ts';
import { build } from '../helpers/service.ts';

function newLimiter() {
  const lines: unknown[] = [];
  const limiter = new LogLimiter({ warn: (details: object) => lines.push(details) } as unknown as FastifyBaseLogger);
  const allowed = (count: number, kind: string, client: string) =>
    Array.from({ length: count }, () => limiter.allows(kind, client, 20)).filter(Boolean).length;
  return { lines, allowed };
}

t.test('a client may cause 20 lines of one kind in a window, and the rest are counted', async (t) => {
  const timers = t.capture(globalThis, 'setTimeout', ((callback: () => void) => {
    timers.callback = callback;
    return { unref() {} };
  }) as unknown as typeof setTimeout) as unknown as { callback: () => void };
  const { lines, allowed } = newLimiter();
  t.equal(allowed(100, 'malicious_csrf', '192.0.2.1'), 20);
  t.equal(allowed(1, 'malicious_csrf', '192.0.2.2'), 1, 'the lines about others stay');
  t.equal(allowed(1, 'input_validation_fail', '192.0.2.1'), 1);
  t.same(lines, []);
  timers.callback();
  t.same(lines, [{ kind: 'malicious_csrf', suppressed: 80 }]);
  t.equal(allowed(1, 'malicious_csrf', '192.0.2.1'), 1, 'a new window');
});

t.test('a wider network may cause 100 lines of one kind, and all clients together 1000', async (t) => {
  const { allowed } = newLimiter();
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const subnets = Array.from({ length: 60 }, (_, i) => `2001:db8:0:${i}::1`);
  t.equal(sum(subnets.map((address) => allowed(20, 'malicious_csrf', address))), 100, 'one customer');
  t.equal(allowed(1, 'malicious_csrf', '192.0.2.1'), 1, 'hides no other');
  const others = Array.from({ length: 100 }, (_, i) => `10.0.${i}.1`);
  t.equal(sum(others.map((address) => allowed(20, 'malicious_csrf', address))), 899);
});

t.test('a made-up token logs a line only up to the limit, a failure of the store as well', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  log.length = 0;
  const cookie = `session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`;
  for (let i = 0; i < 30; i++) {
    await app.inject({ url: '/welcome', headers: { cookie } });
  }
  t.equal(log.filter((line) => line.includes('session_use_after_expire')).length, 20);
  app.sessionStore.close();
  for (let i = 0; i < 30; i++) {
    t.equal((await app.inject({ url: '/welcome', headers: { cookie } })).statusCode, 503);
  }
  t.equal(log.filter((line) => line.includes('STORE_UNAVAILABLE')).length, 20);
});
