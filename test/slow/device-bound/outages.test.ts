import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { SHORT, startBoundSite } from '../../helpers/device-bound.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { isSigned, refreshes } from '../../helpers/refreshes.ts';
import { ANN } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { hold } from '../../helpers/tls-front.ts';
import { addUser, openTestStores } from '../../helpers/users.ts';

// During an outage the browser keeps its session. A reply such as 401, 404 or 429 would end it.

t.test('an instance that starts again has the sessions of its store', async (t) => {
  const storeUrl = `lmdb:${temporaryDirectory(t)}/data`;
  await addUser(await openTestStores(t, storeUrl), ANN);
  const site = await startBoundSite(t, { ...SHORT, STORE_URL: storeUrl, DEMO_USERS: 'off' });
  if (site === undefined) {
    return;
  }
  const device = await site.open(t);
  const id = await device.signIn(ANN);
  await site.restart();
  await device.cookieExpired();
  t.match(await device.call('GET', '/session'), new RegExp(`^200 .*"id":"${id}".*"bound":true`));

  await device.cookieExpired();
  const { target } = site.front;
  site.front.target = 0;
  const refreshed = device.events.next('a refresh', ({ what }) => what === 'refreshed');
  await t.rejects(device.welcome(), 'no instance runs');
  t.match(await refreshed, { result: 'Unreachable' });
  site.front.target = target;
  t.equal(await device.welcome(), '200 Welcome ann!');
  t.same(device.ends, []);
});

t.test('while Redis is down, a refresh is 503, and the user goes on afterwards', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  await addUser(await openTestStores(t, redis.url), ANN);
  const site = await startBoundSite(t, { ...SHORT, STORE_URL: redis.url, STORE_TIMEOUT_MS: '500', DEMO_USERS: 'off' });
  if (site === undefined) {
    return;
  }
  const device = await site.open(t);
  const id = await device.signIn(ANN);
  await device.cookieExpired();
  t.equal(await device.welcome(), '200 Welcome ann!');
  await device.cookieExpired();

  const { arrived, release } = hold(site.front, 'beforeRequest', isSigned);
  const waiting = device.welcome();
  await arrived;
  await redis.kill();
  const from = site.front.wire.all.length;
  release();
  t.match(await waiting, /^503 .*"SESSION_NOT_REFRESHED"/, 'the service cannot tell');
  t.match(await device.call('POST', '/logout'), /^503 /, 'and has not signed out');
  t.same(refreshes(site.front, from), ['proof 503', 'proof 503']);
  const passed = site.front.wire.all.slice(from);
  t.same(new Set(passed.map(({ status }) => status)), new Set([503]));
  t.ok(passed.every(({ replyHeaders }) => replyHeaders['retry-after'] !== undefined));
  t.match(passed.find(({ path }) => path === '/welcome')?.headers['secure-session-skipped'], /^server_error/);
  t.match(await site.server.logged('device_bound_skipped'), /"reason":"server_error"/);

  await redis.restart();
  const ready = `http://127.0.0.1:${site.server.port}/readyz`;
  while ((await fetch(ready)).status !== 200) {
    await sleep(50);
  }
  t.match(await device.call('GET', '/session'), new RegExp(`^200 .*"id":"${id}"`));
  t.same(device.ends, []);
});
