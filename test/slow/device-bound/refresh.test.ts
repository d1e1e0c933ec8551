import t from 'tap';
import { signInOnPage } from '../../helpers/browser.ts';
import { LONG, SHORT, startBoundSite } from '../../helpers/device-bound.ts';
import { isSigned, refreshes } from '../../helpers/refreshes.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { hold, intercept } from '../../helpers/tls-front.ts';

// Sessions that Chromium binds to a key: the user notices no difference.

const PROOF = ['refresh 403 challenge', 'proof 200 cookie'];

t.test('a session without expiry', async (t) => {
  const site = await startBoundSite(t, LONG);
  if (site === undefined) {
    return;
  }

  t.test('a sign-in by fetch registers a key, and each refresh proves it', async (t) => {
    const device = await site.open(t);
    const from = site.front.wire.all.length;
    const id = await device.signIn();
    const { replyHeaders } = site.front.wire.all[from] ?? {};
    t.match(replyHeaders?.['secure-session-registration'], /^\(ES256\);path="\/refresh";challenge="[^"]+"$/);
    t.match(await device.call('GET', '/session'), new RegExp(`^200 .*"id":"${id}".*"bound":true`));
    const registered = await device.cookie();
    t.equal(await device.welcome(), '200 Welcome user1!');
    await device.events.first('an early refresh', ({ what }) => what === 'refreshed');
    t.equal(await device.cookie(), registered, 'an early refresh does not replace a good token');
    await device.forgetCookie();
    t.equal(await device.welcome(), '200 Welcome user1!');
    t.not(await device.cookie(), registered);
    const seen = refreshes(site.front, from);
    t.same(seen, ['registration 200 cookie', ...PROOF]);
  });

  t.test('a sign-in with the form registers a key, and the account page tells', async (t) => {
    const device = await site.open(t);
    const created = device.events.next('a registration', ({ what }) => what === 'created');
    await signInOnPage(device.page, site.origin);
    t.match(await created, { result: 'Success' });
    await device.page.goto(`${site.origin}/account`);
    t.match(await device.page.locator('.sessions li:has(.badge)').textContent(), 'Bound to its device');
    await device.forgetCookie();
    const from = site.front.wire.all.length;
    await device.page.reload();
    t.equal(device.page.url(), `${site.origin}/account`, 'a navigation waits for the refresh');
    t.same(refreshes(site.front, from), PROOF);
  });

  t.test('two tabs share one session and one refresh', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    const tab = await device.newTab();
    await device.forgetCookie();
    const from = site.front.wire.all.length;
    const both = await Promise.all([device.welcome(), device.welcome(tab)]);
    t.same(both, ['200 Welcome user1!', '200 Welcome user1!']);
    t.same(refreshes(site.front, from), PROOF);
  });

  t.test('a request that is under way during a refresh is not refused', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    const tab = await device.newTab();
    const { arrived, release } = hold(site.front, 'beforeRequest', ({ path }) => path === '/session');
    const underWay = device.call('GET', '/session');
    await arrived;
    const before = await device.cookie();
    await device.forgetCookie();
    t.equal(await device.welcome(tab), '200 Welcome user1!');
    t.not(await device.cookie(), before);
    release();
    t.match(await underWay, /^200 /);
    const { headers } = site.front.wire.all.findLast(({ path }) => path === '/session') ?? {};
    t.match(headers?.cookie, before, 'it has the token from before the refresh');
  });

  t.test('if the reply to a proof is lost, the browser signs another challenge', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    await device.forgetCookie();
    const from = site.front.wire.all.length;
    intercept(site.front, 'beforeReply', isSigned, () => {
      throw new Error('the connection is lost');
    });
    t.equal(await device.welcome(), '200 Welcome user1!');
    const seen = refreshes(site.front, from);
    t.same(seen, [...PROOF, 'proof 403 challenge', 'proof 200 cookie'], 'the browser sends the proof again');
    t.same(device.ends, []);
  });

  t.test('without a registration that arrives, the session is not bound', async (t) => {
    const device = await site.open(t);
    site.front.beforeRequest = (sent) => {
      if (isSigned(sent)) {
        throw new Error('the connection is lost');
      }
    };
    await t.rejects(device.signIn(), /the registration failed/);
    site.front.beforeRequest = () => {};
    t.match(await device.call('GET', '/session'), /^200 .*"bound":false/);
    t.match(await device.call('POST', '/refresh'), /^200 .*"bound":false/);
    await device.signIn();
    t.match(await device.call('GET', '/session'), /^200 .*"bound":true/, 'the next sign-in offers it again');
  });

  t.test('a browser without the feature has a session as before', async (t) => {
    const device = await site.open(t, { feature: false });
    const from = site.front.wire.all.length;
    t.match(await device.call('POST', '/signin', { username: 'user1', password: 'password1' }), /^200 .*"bound":false/);
    t.match(await device.call('GET', '/session'), /^200 .*"bound":false/);
    const cookie = await device.cookie();
    t.match(await device.call('POST', '/refresh'), /^200 .*"bound":false/);
    t.not(await device.cookie(), cookie);
    t.equal(await device.welcome(), '200 Welcome user1!');
    t.same(refreshes(site.front, from), ['plain refresh 200 cookie']);
    t.match(await device.call('POST', '/logout'), /^200 /);
    t.match(await device.welcome(), /^401 /);
  });
});

t.test('a session whose cookie expires', async (t) => {
  const site = await startBoundSite(t, SHORT);
  if (site === undefined) {
    return;
  }

  t.test('the request after an idle time waits for a refresh, six times and more', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    const from = site.front.wire.all.length;
    for (let round = 1; round <= 7; round++) {
      await device.cookieExpired();
      const reply = round % 2 ? await device.welcome() : await device.call('DELETE', '/sessions/none');
      t.match(reply, round % 2 ? '200 Welcome user1!' : '"NO_SUCH_SESSION"', `round ${round}`);
    }
    const proofs = refreshes(site.front, from).filter((refresh) => refresh === 'proof 200 cookie');
    t.ok(proofs.length >= 7);
    t.same(device.ends, []);
  });

  t.test('beyond the six signatures of Chromium, the user is not signed in, and the session is kept', async (t) => {
    const device = await site.open(t, { quota: true });
    await device.signIn();
    for (let round = 1; round <= 5; round++) {
      await device.cookieExpired();
      t.equal(await device.welcome(), '200 Welcome user1!', `round ${round}`);
    }
    await device.cookieExpired();
    t.match(await device.welcome(), /^401 /);
    const { headers } = site.front.wire.all.findLast(({ path }) => path === '/welcome') ?? {};
    t.match(headers?.['secure-session-skipped'], /^quota_exceeded/);
    // The browser reports events some time after the reply.
    const quota = await device.events.first('the quota', ({ result }) => result === 'SigningQuotaExceeded');
    t.equal(quota.what, 'refreshed');
    t.match(await site.server.logged('device_bound_skipped'), /"reason":"quota_exceeded"/);
    t.same(device.ends, []);
  });

  t.test('a browser that is started again has the session and the key', async (t) => {
    const profile = temporaryDirectory(t);
    const before = await site.open(t, { profile });
    const id = await before.signIn();
    await before.context.close();
    const device = await site.open(t, { profile });
    await device.cookieExpired();
    const from = site.front.wire.all.length;
    t.match(await device.call('GET', '/session'), new RegExp(`^200 .*"id":"${id}"`));
    t.same(refreshes(site.front, from), PROOF);
  });
});
