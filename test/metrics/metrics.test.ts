import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { StoreFull } from '../../src/errors.ts';
import { kObserver } from '../../src/http/security-events.ts';
import { createMetrics, SESSION_ENDINGS, SIGN_IN_FAILURES } from '../../src/metrics/metrics.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { bind, HTTPS, proveAndRefresh } from '../helpers/device.ts';
import { documentedMetrics, METRICS_ON, metricsIn, namesIn, parseSamples, samplesOf } from '../helpers/metrics.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { build, sessionIdOf, signIn, stubStore, USER1, welcome } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

const post = (payload: object) => ({ method: 'POST', url: '/signin', payload }) as const;

t.test('requests are counted by method, route and status, and no URL of a client is a label', async (t) => {
  const app = await build(t, { env: METRICS_ON });
  const cookie = await signIn(app);
  await welcome(app, cookie);
  await welcome(app, cookie);
  await app.inject('/welcome?secret=1');
  await app.inject({ method: 'HEAD', url: '/livez' });
  await app.inject('/secret/path');
  await app.inject({ method: 'DELETE', url: '/sessions/secret', headers: { cookie } });
  await app.inject({ method: 'PROPFIND', url: '/forward-auth' });
  const { text } = await app.collectMetrics();
  const samples = parseSamples(text);
  const count = (labels: string) => samples.get(`login_http_request_duration_seconds_count{${labels}}`);
  t.equal(count('method="GET",route="/welcome",status="200"'), 2);
  t.equal(count('method="GET",route="/welcome",status="401"'), 1);
  t.equal(count('method="HEAD",route="/livez",status="200"'), 1);
  t.equal(count('method="GET",route="none",status="404"'), 1);
  t.equal(count('method="DELETE",route="/sessions/:id",status="404"'), 1);
  t.equal(
    count('method="other",route="none",status="405"') ?? count('method="other",route="/forward-auth",status="403"'),
    1,
  );
  t.ok((samples.get('login_http_request_duration_seconds_sum{method="POST",route="/signin",status="200"}') ?? 0) > 0);
  t.notMatch(text, 'secret');
});

t.test('sign-ins are counted by outcome, and refusals of the throttle by limit', async (t) => {
  const app = await build(t, { env: { ...METRICS_ON, SIGNIN_FAILURES_PER_USER: '1' } });
  const before = await samplesOf(app);
  t.equal(before.get('login_sign_ins_total{outcome="success"}'), 0, 'known values start at zero');
  await signIn(app);
  for (const payload of [{ ...USER1, password: 'x' }, USER1, { username: 'nobody', password: 'x' }]) {
    await app.inject(post(payload));
  }
  const samples = await samplesOf(app);
  const outcome = (name: string) => samples.get(`login_sign_ins_total{outcome="${name}"}`);
  t.same(['success', 'wrong_password', 'unknown_user', 'throttled', 'disabled_user', 'other'].map(outcome), [
    1,
    1,
    1,
    1,
    0,
    undefined,
  ]);
  t.equal(samples.get('login_throttle_refusals_total{limit="user"}'), 1);
  t.equal(samples.get('login_throttle_refusals_total{limit="pair"}'), 1);
  t.equal(samples.get('login_throttle_refusals_total{limit="address"}'), 0);
  t.equal(samples.get('login_security_events_total{event="authn_login_fail"}'), 2);
});

t.test('links that are refused without a check are counted by limit, and are no sign-ins', async (t) => {
  const log: string[] = [];
  const env = { ...METRICS_ON, LOG_LEVEL: 'warn', SIGNIN_FAILURES_PER_ADDRESS: '1' };
  const app = await build(t, { env, log });
  t.equal((await samplesOf(app)).get('login_throttle_refusals_total{limit="link"}'), 0);
  for (const statusCode of [403, 429]) {
    const payload = { token: 'x', newPassword: 'another horse, a battery' };
    t.equal((await app.inject({ method: 'POST', url: '/password/link', payload })).statusCode, statusCode);
  }
  const samples = await samplesOf(app);
  t.equal(samples.get('login_throttle_refusals_total{limit="link"}'), 1);
  t.equal(samples.get('login_sign_ins_total{outcome="throttled"}'), 0);
  t.match(log.at(-1), '"limit":"link"');
  t.notMatch(log.at(-1), 'password');
});

t.test('events above the limit of the log are counted', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { ...METRICS_ON, LOG_LEVEL: 'info' } });
  for (let i = 0; i < 30; i++) {
    await app.inject({ method: 'POST', url: '/signin', payload: '{', headers: { 'content-type': 'application/json' } });
  }
  t.equal(log.filter((line) => line.includes('input_validation_fail')).length, 20);
  t.equal((await samplesOf(app)).get('login_security_events_total{event="input_validation_fail"}'), 30);
});

t.test('sessions are counted when they start, are refreshed and end', async (t) => {
  const app = await build(t, { env: METRICS_ON });
  const cookie = await signIn(app);
  await app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });
  const second = await signIn(app);
  await signIn(app);
  t.equal((await samplesOf(app)).get('login_sessions'), 3);
  await app.inject({ method: 'DELETE', url: '/sessions', headers: { cookie: second } });
  await app.inject({ method: 'POST', url: '/logout', headers: { cookie: second } });
  const samples = await samplesOf(app);
  t.equal(samples.get('login_sessions_created_total'), 3);
  t.equal(samples.get('login_sessions_refreshed_total{bound="false"}'), 1);
  t.equal(samples.get('login_sessions_ended_total{reason="revoked"}'), 2, 'two in one event');
  t.equal(samples.get('login_sessions_ended_total{reason="signed_out"}'), 1);
  t.equal(samples.get('login_sessions'), 0);
});

t.test('events of device-bound sessions are counted', async (t) => {
  const app = await build(t, { env: { ...METRICS_ON, ...HTTPS } });
  const { id, device } = await bind(app);
  await proveAndRefresh(app, { id, device });
  const skipped = { 'secure-session-skipped': 'unreachable' };
  await app.inject({ url: '/welcome', headers: skipped });
  const samples = await samplesOf(app);
  t.equal(samples.get('login_security_events_total{event="device_bound_registered"}'), 1);
  t.equal(samples.get('login_security_events_total{event="device_bound_refreshed"}'), 1);
  t.equal(samples.get('login_security_events_total{event="device_bound_skipped"}'), 1);
  t.equal(samples.get('login_security_events_total{event="device_bound_refused"}'), 0);
  t.equal(samples.get('login_sessions_refreshed_total{bound="true"}'), 1);
});

t.test('calls of the stores are counted by outcome: a full store, a failure, a timeout', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  let failure: () => Promise<never> | never = () => {
    throw new StoreFull();
  };
  const sessionStore = stubStore(inner, { create: () => failure(), ping: () => Promise.reject(new Error('down')) });
  const app = await build(t, { sessionStore, env: { ...METRICS_ON, STORE_TIMEOUT_MS: '50' } });
  t.equal((await samplesOf(app)).get('login_sessions'), undefined, 'this store does not know its number of sessions');
  const failures = [
    failure,
    () => Promise.reject(new StoreFull()),
    () => {
      throw new Error('down');
    },
    () => Promise.reject(new Error('down')),
    () => new Promise<never>(() => {}),
  ];
  for (failure of failures) {
    t.equal((await app.inject(post(USER1))).statusCode, 503);
  }
  t.equal((await app.inject('/readyz')).statusCode, 503);
  const samples = await samplesOf(app);
  const count = (labels: string) => samples.get(`login_store_operation_duration_seconds_count{${labels}}`);
  t.equal(count('store="sessions",operation="create",outcome="full"'), 2);
  t.equal(count('store="sessions",operation="create",outcome="error"'), 3);
  t.equal(count('store="sessions",operation="ping",outcome="error"'), 1);
  t.equal(count('store="users",operation="find",outcome="ok"'), 5);
  t.equal(count('store="failures",operation="increment",outcome="ok"'), 20);
  t.equal(count('store="sessions",operation="now",outcome="ok"'), undefined, 'a clock is no work of the store');
});

t.test('hits and misses of the near cache are counted', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { userStore } = await usersInMemory();
  const app = await build(t, { userStore, env: { ...METRICS_ON, STORE_URL: redis.url } });
  const cookie = await signIn(app);
  for (let i = 0; i < 5; i++) {
    t.equal(await welcome(app, cookie), 200);
  }
  const samples = await samplesOf(app);
  const hits = samples.get('login_near_cache_hits_total') ?? 0;
  const misses = samples.get('login_near_cache_misses_total') ?? 0;
  t.ok(misses >= 1 && hits >= 1, `${hits} hits, ${misses} misses`);
  t.equal(
    samples.get('login_store_operation_duration_seconds_count{store="sessions",operation="find",outcome="ok"}'),
    misses,
  );
  t.equal(samples.has('login_sessions'), false);
});

async function usersInMemory() {
  const { MemoryUserStore } = await import('../../src/stores/memory/user-store.ts');
  const { addDemoUsers } = await import('../../src/users/demo-users.ts');
  const userStore = new MemoryUserStore();
  await addDemoUsers(userStore, new PasswordHasher());
  return { userStore };
}

t.test('a failed look-up is a miss of the near cache, and other calls are neither', async (t) => {
  const { registry, observer } = createMetrics({ ...NO_SOURCES, hasNearCache: true });
  observer.storeCall('session store', 'find', 1, 'ok', true);
  observer.storeCall('session store', 'find', 1, 'error', false);
  observer.storeCall('user store', 'find', 1, 'ok', true);
  observer.storeCall('session store', 'create', 1, 'ok', false);
  const samples = parseSamples(await registry.metrics());
  t.equal(samples.get('login_near_cache_hits_total'), 1);
  t.equal(samples.get('login_near_cache_misses_total'), 1);
});

const NO_SOURCES = { hashes: () => ({ running: 0, waiting: 0 }), sessions: () => undefined };

t.test('LMDB knows the number of sessions', async (t) => {
  const { userStore } = await usersInMemory();
  const app = await build(t, { userStore, env: { ...METRICS_ON, STORE_URL: `lmdb:${temporaryDirectory(t)}` } });
  t.equal((await samplesOf(app)).get('login_sessions'), 0);
  await signIn(app);
  await signIn(app);
  t.equal((await samplesOf(app)).get('login_sessions'), 2);
});

t.test('the queue of password hashes shows its depth, its waits and its rejections', async (t) => {
  const passwords = new PasswordHasher({ concurrency: 1, maxWaiting: 1 });
  const app = await build(t, { passwords, env: METRICS_ON });
  const started = (await samplesOf(app)).get('login_hash_queue_wait_seconds_count') ?? 0;
  const hashes = [passwords.hash('a'), passwords.hash('b'), passwords.hash('c')];
  const samples = await samplesOf(app);
  t.equal(samples.get('login_hash_queue_running'), 1);
  t.equal(samples.get('login_hash_queue_waiting'), 1);
  t.equal(samples.get('login_hash_queue_rejections_total'), 1);
  const outcomes = await Promise.allSettled(hashes);
  t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'fulfilled', 'rejected']);
  const after = await samplesOf(app);
  t.equal(after.get('login_hash_queue_wait_seconds_count'), started + 2);
  t.ok((after.get('login_hash_queue_wait_seconds_sum') ?? 0) > 0.001, 'the second hash waited for the first');
  t.equal(after.get('login_hash_queue_running'), 0);
});

t.test('the process has its figures', async (t) => {
  const app = await build(t, { env: METRICS_ON });
  const samples = await samplesOf(app);
  const value = (name: string) => samples.get(name) ?? 0;
  t.ok(Math.abs(value('process_start_time_seconds') - Date.now() / 1000) < 3600);
  t.ok(value('process_cpu_seconds_total') > 0.01);
  t.ok(value('process_resident_memory_bytes') > value('nodejs_heap_size_used_bytes'));
  t.ok(value('process_open_fds') > 2 && value('process_open_fds') < value('process_max_fds'));
  const cpu = value('process_cpu_seconds_total');
  // Node measures between two runs of a timer. After a collection, the first run only starts the measurement.
  await sleep(100);
  blockEventLoop(300);
  await sleep(100);
  const after = await samplesOf(app);
  const delay = after.get('nodejs_eventloop_delay_max_seconds') ?? 0;
  t.ok(delay > 0.1 && delay < 60, `a delay of ${delay} seconds`);
  t.ok((after.get('process_cpu_seconds_total') ?? 0) > cpu);
});

function blockEventLoop(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    // Busy.
  }
}

t.test('no user name, address or id of a session is in the metrics', async (t) => {
  const app = await build(t, { env: METRICS_ON });
  const cookie = await signIn(app);
  await welcome(app, cookie);
  await app.inject(post({ username: 'user2', password: 'x' }));
  const { text } = await app.collectMetrics();
  for (const secret of ['user1', 'user2', '127.0.0.1', sessionIdOf(cookie)]) {
    t.notOk(text.includes(secret), secret);
  }
});

t.test('a value that is not known is "other", so that no label can grow', async (t) => {
  const { registry, observer } = createMetrics({ ...NO_SOURCES, hasNearCache: false });
  observer.event('authn_login_fail', { reason: 'some new reason' });
  observer.event('authn_login_fail', {});
  observer.event('excess_rate_limit_exceeded', {});
  observer.event('session_expired', { reason: 'some new reason' });
  observer.event('session_expired', {});
  const samples = parseSamples(await registry.metrics());
  t.equal(samples.get('login_sign_ins_total{outcome="other"}'), 2);
  t.equal(samples.get('login_throttle_refusals_total{limit="other"}'), 1);
  t.equal(samples.get('login_sessions_ended_total{reason="other"}'), 2);
});

t.test('without METRICS nothing observes the service', async (t) => {
  const app = await build(t);
  t.equal(app.collectMetrics, undefined);
  t.equal(app[kObserver], undefined);
});

t.test('every metric is documented with its labels, and every documented one exists', async (t) => {
  const texts: string[] = [];
  for (const hasNearCache of [true, false]) {
    const { registry, observer, requests } = createMetrics({ ...NO_SOURCES, sessions: () => 1, hasNearCache });
    observer.storeCall('session store', 'create', 1, 'ok', false);
    requests.observe(1, 'GET', '/welcome', 200);
    texts.push(await registry.metrics());
  }
  const metrics = metricsIn(texts.join('\n'));
  const documented = documentedMetrics();
  t.same(documented.map(({ name }) => name).sort(), [...metrics.keys()].sort());
  for (const { name, labels } of documented) {
    t.same(new Set(labels), metrics.get(name), name);
  }
});

t.test('the names follow the conventions of Prometheus', async (t) => {
  const { registry } = createMetrics({ ...NO_SOURCES, sessions: () => 1, hasNearCache: true });
  const text = await registry.metrics();
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    t.equal(name.endsWith('_total'), type === 'counter', name);
    t.match(name, /^(login|process|nodejs)_[a-z\d_]+$/);
    t.notMatch(name, /_(ms|milliseconds|kb|percent)/);
    t.match(text, new RegExp(`^# HELP ${name} [A-Z].*\\.$`, 'm'), `${name} has a description`);
  }
});

t.test('the reasons of the log are known values, and the documentation lists them', async (t) => {
  const security = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const reasonsOf = (event: string) => {
    const [, row = ''] = new RegExp(`^\\| \`${event}\` \\| \\w+ \\| (.*) \\|$`, 'm').exec(security) ?? [];
    const [, reasons = ''] = /`reason` is (.*?)[;.]/.exec(row) ?? [];
    return [...reasons.matchAll(/`([^`]+)`/g)].map(([, reason = '']) => reason);
  };
  t.same(reasonsOf('authn_login_fail').sort(), [...SIGN_IN_FAILURES].sort());
  t.same(reasonsOf('session_expired').sort(), [...SESSION_ENDINGS].sort());
  const valuesOf = (name: string) => namesIn(documentedMetrics().find((metric) => metric.name === name)?.meaning ?? '');
  const labelsOf = (reasons: readonly string[]) => reasons.map((reason) => reason.replaceAll(' ', '_'));
  t.same(valuesOf('login_sign_ins_total').sort(), ['success', 'throttled', ...labelsOf(SIGN_IN_FAILURES)].sort());
  t.same(valuesOf('login_sessions_ended_total').sort(), labelsOf(SESSION_ENDINGS).sort());
});
