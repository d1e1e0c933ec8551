import t, { type Test } from 'tap';
import { signInOnPage } from '../../helpers/browser.ts';
import { type Device, LONG, SHORT, startBoundSite } from '../../helpers/device-bound.ts';
import { refreshes } from '../../helpers/refreshes.ts';
import { USER1, USER2 } from '../../helpers/service.ts';

// When a bound session ends, the browser ends it as well, and does not sign the user in again.

/** The next request is not signed in. The browser ends its session, and sends no refresh for it any more. */
async function isSignedOut(t: Test, device: Device, sessionId: string): Promise<void> {
  const ended = device.events.first('the end of the session', (event) => event.what === 'ended');
  t.match(await device.welcome(), /^401 .*"NOT_SIGNED_IN"/);
  await ended;
  t.same(device.ends, [`${sessionId} RefreshFatalError`]);
  const count = device.events.all.length;
  t.match(await device.welcome(), /^401 .*"NOT_SIGNED_IN"/, 'the user is not signed in again');
  t.equal(await device.cookie(), undefined);
  t.equal(device.events.all.length, count);
}

t.test('a session without expiry', async (t) => {
  const site = await startBoundSite(t, LONG);
  if (site === undefined) {
    return;
  }

  t.test('a sign-out ends the session of the browser', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn();
    t.match(await device.call('POST', '/logout'), /^200 /);
    t.equal(await device.cookie(), undefined);
    await isSignedOut(t, device, id);
  });

  t.test('so does a sign-out on the account page', async (t) => {
    const device = await site.open(t);
    const created = device.events.next('a registration', ({ what }) => what === 'created');
    await signInOnPage(device.page, site.origin);
    const { sessionId } = await created;
    await device.page.goto(`${site.origin}/account`);
    await device.page.locator('.heading button').click();
    await device.page.waitForURL(`${site.origin}/signin**`);
    await isSignedOut(t, device, sessionId);
  });

  t.test('so does another client of the user', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn();
    const other = await site.open(t, { feature: false });
    await other.call('POST', '/signin', USER1);
    t.equal(await other.call('DELETE', `/sessions/${id}`), '200 {"ended":1}');
    await device.forgetCookie();
    await isSignedOut(t, device, id);
    t.equal(await other.welcome(), '200 Welcome user1!');
  });

  t.test('a sign-out in another tab, while the cookie is absent, is held and ends the session', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn();
    const tab = await device.newTab();
    await device.forgetCookie();
    const from = site.front.wire.all.length;
    t.match(await device.call('POST', '/logout', undefined, tab), /^200 /);
    t.same(refreshes(site.front, from), ['refresh 403 challenge', 'proof 200 cookie']);
    await isSignedOut(t, device, id);
  });

  t.test('a second sign-in replaces the session', async (t) => {
    const device = await site.open(t);
    const first = await device.signIn(USER1);
    const second = await device.signIn(USER2);
    t.not(second, first);
    t.equal(await device.welcome(), '200 Welcome user2!');
    await staysSignedIn(t, device, first);
  });

  t.test('a sign-in after the cookie is gone replaces the session, too', async (t) => {
    const device = await site.open(t);
    const first = await device.signIn(USER1);
    await device.forgetCookie();
    const from = site.front.wire.all.length;
    await device.signIn(USER2);
    const seen = refreshes(site.front, from);
    t.same(seen, ['refresh 403 challenge', 'proof 200 cookie', 'registration 200 cookie'], 'the sign-in waits');
    await staysSignedIn(t, device, first);
  });

  t.test('a password change needs a proof for the next token, and ends the other sessions', async (t) => {
    const own = await startBoundSite(t, LONG);
    if (own === undefined) {
      return;
    }
    const [device, other] = [await own.open(t), await own.open(t)];
    const [id, otherId] = [await device.signIn(), await other.signIn()];
    const [before, from] = [await device.cookie(), own.front.wire.all.length];
    const change = { currentPassword: USER1.password, newPassword: 'a horse, a battery, a staple' };
    t.match(await device.call('POST', '/password', change), new RegExp(`^200 .*"id":"${id}".*"bound":true`));
    t.equal(await device.cookie(), undefined);
    const stolen = await fetch(`http://127.0.0.1:${own.server.port}/welcome`, { headers: { cookie: before ?? '' } });
    t.equal(stolen.status, 401, 'the token from before is refused');
    t.equal(await device.welcome(), '200 Welcome user1!');
    const seen = refreshes(own.front, from);
    t.same(seen, ['refresh 403 challenge', 'proof 200 cookie']);
    await other.forgetCookie();
    await isSignedOut(t, other, otherId);
  });
});

/** user2 is signed in, and the session of user1 does not come back. */
async function staysSignedIn(t: Test, device: Device, firstId: string): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await device.forgetCookie();
    t.equal(await device.welcome(), '200 Welcome user2!');
  }
  t.same(device.ends, [`${firstId} RefreshFatalError`]);
}

t.test('a session whose cookie expires', async (t) => {
  const site = await startBoundSite(t, SHORT);
  if (site === undefined) {
    return;
  }

  t.test('a sign-out after the expiry is held, and ends the session', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn();
    await device.cookieExpired();
    t.match(await device.call('POST', '/logout'), /^200 /);
    await isSignedOut(t, device, id);
  });

  t.test('a sign-in after the expiry is held, and the first user does not come back', async (t) => {
    const device = await site.open(t);
    const first = await device.signIn(USER1);
    await device.cookieExpired();
    await device.signIn(USER2);
    for (let round = 0; round < 2; round++) {
      await device.cookieExpired();
      t.equal(await device.welcome(), '200 Welcome user2!');
    }
    await staysSignedIn(t, device, first);
  });

  t.test('a session that another client has ended while the browser was idle is over', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn();
    const other = await site.open(t);
    await other.signIn();
    t.equal(await other.call('DELETE', '/sessions'), '200 {"ended":1}');
    await device.cookieExpired();
    await isSignedOut(t, device, id);
  });
});
