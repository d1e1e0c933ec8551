import t from 'tap';
import { destination } from '../../src/http/logging.ts';
import { build, signIn } from '../helpers/service.ts';

t.test('at info the log tells what happened and not every request', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  const cookie = await signIn(app);
  await app.inject({ url: '/welcome', headers: { cookie } });
  await app.inject({ method: 'POST', url: '/signin', payload: { username: 'user1', password: 'wrong' } });
  await app.inject('/welcome');
  await app.inject('/nowhere');
  await app.inject({ url: '/logout', headers: { cookie } });
  t.same(
    log.slice(1).map((line) => JSON.parse(line).msg),
    ['session started', 'signed in', 'sign-in refused', 'session ended'],
  );
});

t.test('at debug there is a line for each request, with its route and status', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'debug' } });
  await app.inject({ url: '/welcome?next=secret', headers: { cookie: 'session_token=secret' } });
  await app.inject('/secret');
  const line = log.find((line) => JSON.parse(line).msg === 'request') ?? '{}';
  t.match(JSON.parse(line), {
    level: 20,
    req: { method: 'GET', route: '/welcome', remoteAddress: '127.0.0.1' },
    res: { statusCode: 401 },
    responseTime: Number,
  });
  t.match(log.at(-1), '"route":"none"');
  t.notMatch(log.join(''), 'secret');
});

t.test('the time of a line is Unix time, or ISO 8601 with LOG_TIME=iso', async (t) => {
  const timeOf = async (env: Record<string, string>) => {
    const log: string[] = [];
    await signIn(await build(t, { log, env: { LOG_LEVEL: 'info', ...env } }));
    return JSON.parse(log.at(-1) ?? '{}').time;
  };
  t.type(await timeOf({}), 'number');
  t.type(await timeOf({ LOG_TIME: 'epoch' }), 'number');
  const iso = await timeOf({ LOG_TIME: 'iso' });
  t.equal(new Date(iso).toISOString(), iso);
  t.ok(Math.abs(Date.parse(iso) - Date.now()) < 300_000);
});

t.test('lines are JSON unless a person reads them on a terminal (ASVS 16.2.3, ASVS 16.2.4)', async (t) => {
  const tty = process.stdout.isTTY;
  t.teardown(() => {
    process.stdout.isTTY = tty;
  });
  process.stdout.isTTY = false;
  t.equal(destination(), process.stdout);
  process.stdout.isTTY = true;
  t.not(destination(), process.stdout);
});
