import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { MemoryUserStore } from '../src/stores/memory/user-store.ts';
import { PasswordHasher } from '../src/users/passwords.ts';
import { newUser } from '../src/users/user-store.ts';
import { run } from './helpers/command-line.ts';
import { program } from './helpers/programs.ts';
import { build } from './helpers/service.ts';
import { temporaryDirectory } from './helpers/temporary-directory.ts';

// The filter in examples/fail2ban reads lines that the service has written, and clients cannot make it ban others.

const FILTER = fileURLToPath(new URL('../examples/fail2ban/filter.d/session-cookie-login.conf', import.meta.url));
/** Of somebody else: no line may blame it. */
const VICTIM = '203.0.113.9';
/** Names of users that look like other fields, lines or times. */
const HOSTILE = [
  `","address":"${VICTIM}","reason":"wrong password`,
  `x","reason":"wrong password"}\n{"level":40,"time":1795713945672,"pid":1,"hostname":"h","reqId":"r","event":"authn_login_fail","address":"${VICTIM}","reason":"wrong password"}`,
  `"time":1000000000000,"event":"authn_login_fail","address":"${VICTIM}"`,
  `\\","address":"${VICTIM}`,
  `${VICTIM} failed`,
];

/** The addresses that the filter reports for lines, and the time of each. */
async function reported(t: Test, path: string, lines: readonly string[]): Promise<{ ip: string; time: number }[]> {
  const log = join(temporaryDirectory(t), 'service.log');
  writeFileSync(log, lines.join(''));
  const { code, out, err } = await run([path, '-o', '<ip> <time>', log, FILTER], {});
  t.equal(code, 0, err);
  return out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [ip = '', time] = line.split(' ');
      return { ip, time: Number(time) };
    });
}

async function setUp(t: Test, env: Record<string, string> = {}) {
  const userStore = new MemoryUserStore();
  const passwords = new PasswordHasher();
  const passwordHash = await passwords.hash('a long password of a user');
  for (const name of ['ann', ...HOSTILE]) {
    await userStore.create(newUser(name, passwordHash));
  }
  const log: string[] = [];
  const app = await build(t, {
    log,
    userStore,
    env: { LOG_LEVEL: 'info', TRUST_PROXY: 'loopback', SIGNIN_FAILURES_PER_ADDRESS: '1000', ...env },
  });
  const signIn = (username: string, address: string, headers = {}) =>
    app.inject({
      method: 'POST',
      url: '/signin',
      payload: { username, password: 'wrong' },
      headers: { 'x-forwarded-for': address, ...headers },
    });
  return { app, log, signIn };
}

for (const LOG_TIME of ['epoch', 'iso']) {
  t.test(`with LOG_TIME=${LOG_TIME} the filter finds each wrong password, with its address and time`, async (t) => {
    const path = program(t, 'fail2ban-regex');
    if (path === undefined) {
      return;
    }
    const { app, log, signIn } = await setUp(t, { LOG_TIME });
    await signIn('ann', '192.0.2.1');
    await signIn('nobody', '192.0.2.2');
    await signIn('ann', '2001:db8::3');
    await app.inject({ url: '/welcome', headers: { 'x-forwarded-for': '192.0.2.4' } });
    await app.inject({ method: 'POST', url: '/signin', payload: '{', headers: { 'x-forwarded-for': '192.0.2.5' } });
    const found = await reported(t, path, log);
    t.same(
      found.map(({ ip }) => ip),
      ['192.0.2.1', '192.0.2.2', '2001:db8::3'],
    );
    for (const { time } of found) {
      t.ok(Math.abs(time * 1000 - Date.now()) < 300_000, `the time ${time} is the time of the line`);
    }
    const journal = log.map((line) => `host login[123]: ${line}`);
    t.equal((await reported(t, path, journal)).length, 3, 'lines of the journal');
  });

  t.test(`with LOG_TIME=${LOG_TIME} no name, header or address of a client blames another address`, async (t) => {
    const path = program(t, 'fail2ban-regex');
    if (path === undefined) {
      return;
    }
    const { log, signIn } = await setUp(t, { LOG_TIME });
    for (const name of HOSTILE) {
      await signIn(name, '192.0.2.1');
      await signIn(`no ${name}`, '192.0.2.1');
    }
    t.equal(log.filter((line) => line.includes(VICTIM)).length, HOSTILE.length, 'names of users are in the log');
    await signIn('ann', '192.0.2.1', { 'x-request-id': `r","event":"authn_login_fail","address":"${VICTIM}` });
    await signIn('ann', `"${VICTIM}"`);
    await signIn('ann', `192.0.2.1","address":"${VICTIM}`);
    const found = (await reported(t, path, log)).map(({ ip }) => ip);
    t.equal(found.filter((ip) => ip === '192.0.2.1').length, 2 * HOSTILE.length + 1);
    t.same(new Set(found), new Set(['192.0.2.1']));
  });
}

t.test('an attempt above the limit of its address counts, and one above the limit of its user does not', async (t) => {
  const path = program(t, 'fail2ban-regex');
  if (path === undefined) {
    return;
  }
  const { log, signIn } = await setUp(t, { SIGNIN_FAILURES_PER_ADDRESS: '2', SIGNIN_FAILURES_PER_USER: '2' });
  for (const name of ['ann', 'ann', 'nobody']) {
    await signIn(name, '192.0.2.1');
  }
  await signIn('ann', '192.0.2.2');
  const refused = log.filter((line) => line.includes('excess_rate_limit_exceeded'));
  t.same(
    refused.map((line) => JSON.parse(line).address),
    ['192.0.2.1', '192.0.2.2'],
  );
  t.same(
    (await reported(t, path, refused)).map(({ ip }) => ip),
    ['192.0.2.1'],
  );
});
