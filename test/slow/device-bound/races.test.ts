import t from 'tap';
import { LONG, startBoundSite } from '../../helpers/device-bound.ts';
import { isRefresh, isSigned, refreshes } from '../../helpers/refreshes.ts';
import { USER1, USER2 } from '../../helpers/service.ts';
import { hold, intercept, type Sent } from '../../helpers/tls-front.ts';

// Requests and replies that arrive late.

const isUnsigned = (sent: Sent) => isRefresh(sent) && !isSigned(sent);

t.test('late requests and replies', async (t) => {
  const site = await startBoundSite(t, LONG);
  if (site === undefined) {
    return;
  }
  const { front } = site;

  t.test('a session that ends during a refresh does not come back', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn();
    const other = await site.open(t, { feature: false });
    await other.call('POST', '/signin', USER1);
    await device.forgetCookie();
    const { arrived, release } = hold(front, 'beforeRequest', isSigned);
    const waiting = device.welcome();
    await arrived;
    t.equal(await other.call('DELETE', `/sessions/${id}`), '200 {"ended":1}');
    release();
    t.match(await waiting, /^401 /);
    t.equal(await device.cookie(), undefined);
    t.same(device.ends, [`${id} RefreshFatalError`]);
  });

  t.test('a request that waits for an early refresh gets one of its own if the cookie expires meanwhile', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    const { arrived, release } = hold(front, 'beforeReply', isUnsigned);
    await device.welcome();
    await arrived;
    await device.forgetCookie();
    const from = front.wire.all.length;
    const waiting = device.welcome();
    release();
    t.equal(await waiting, '200 Welcome user1!');
    t.same(refreshes(front, from), ['refresh 403 challenge', 'proof 200 cookie']);
  });

  t.test('an early refresh that is answered after the next sign-in changes nothing', async (t) => {
    const device = await site.open(t);
    await device.signIn(USER1);
    const { arrived, release } = hold(front, 'beforeReply', isUnsigned);
    t.equal(await device.welcome(), '200 Welcome user1!');
    await arrived;
    await device.signIn(USER2);
    const refreshed = device.events.next('the refresh', ({ what }) => what === 'refreshed');
    release();
    await refreshed;
    t.equal(await device.welcome(), '200 Welcome user2!');
    await device.forgetCookie();
    t.equal(await device.welcome(), '200 Welcome user2!');
  });

  t.test('an early refresh that is answered after the sign-out changes nothing', async (t) => {
    const device = await site.open(t);
    const id = await device.signIn(USER1);
    const { arrived, release } = hold(front, 'beforeReply', isUnsigned);
    await device.welcome();
    await arrived;
    t.match(await device.call('POST', '/logout'), /^200 /);
    const refreshed = device.events.next('the refresh', ({ what }) => what === 'refreshed');
    release();
    await refreshed;
    t.match(await device.welcome(), /^401 /);
    t.same(device.ends, [`${id} RefreshFatalError`]);
  });

  t.test('a registration that arrives after the sign-out binds nothing', async (t) => {
    const device = await site.open(t);
    const from = front.wire.all.length;
    const { arrived, release } = hold(front, 'beforeRequest', isSigned);
    const created = device.events.next('a registration', ({ what }) => what === 'created');
    await device.call('POST', '/signin', USER1);
    await arrived;
    t.match(await device.call('POST', '/logout'), /^200 /);
    release();
    t.not((await created).result, 'Success');
    t.same(refreshes(front, from), ['registration 403']);
    t.match(await device.welcome(), /^401 /);
  });

  t.test('a registration that is answered after the next sign-in does not bring the first user back', async (t) => {
    const device = await site.open(t);
    const { arrived, release } = hold(front, 'beforeReply', isSigned);
    await device.call('POST', '/signin', USER1);
    await arrived;
    await device.signIn(USER2);
    const created = device.events.next('a registration', ({ what }) => what === 'created');
    release();
    await created;
    // The late reply replaces the cookie by that of the first session, which has ended. The next refresh corrects that.
    const refreshed = device.events.next('a refresh', ({ what }) => what === 'refreshed');
    t.notMatch(await device.welcome(), 'user1');
    await refreshed;
    await device.forgetCookie();
    t.equal(await device.welcome(), '200 Welcome user2!');
  });

  t.test('a registration whose reply is lost ends the session with its token, and a sign-in helps', async (t) => {
    const device = await site.open(t);
    const from = front.wire.all.length;
    intercept(front, 'beforeReply', isSigned, () => {
      throw new Error('the connection is lost');
    });
    const created = device.events.next('a registration', ({ what }) => what === 'created');
    await device.call('POST', '/signin', USER1);
    t.not((await created).result, 'Success');
    t.same(refreshes(front, from), ['registration 200 cookie', 'registration 403'], 'the browser has sent it again');
    t.equal(await device.welcome(), '200 Welcome user1!');
    await device.forgetCookie();
    t.match(await device.welcome(), /^401 /);
    await device.signIn();
    t.equal(await device.welcome(), '200 Welcome user1!');
  });

  for (const isBound of [true, false]) {
    const title = `a sign-in without the refresh of the first session ${isBound ? 'is bound' : 'cannot be bound'}, and the first user does not come back`;
    t.test(title, async (t) => {
      const device = await site.open(t);
      const first = await device.signIn(USER1);
      await device.forgetCookie();
      front.beforeRequest = (sent) => {
        if (isRefresh(sent) && !(isBound && isSigned(sent))) {
          throw new Error('the refresh is lost');
        }
      };
      const created = device.events.next('a registration', ({ what }) => what === 'created');
      t.match(await device.call('POST', '/signin', USER2), /^200 /);
      const { result } = await created;
      t.equal(result === 'Success', isBound);
      front.beforeRequest = () => {};
      const ended = device.events.next('the end of the first session', ({ what }) => what === 'ended');
      t.equal(await device.welcome(), '200 Welcome user2!');
      await ended;
      t.same(device.ends, [`${first} RefreshFatalError`]);
      t.equal(await device.welcome(), '200 Welcome user2!');
      await device.forgetCookie();
      t.match(await device.welcome(), isBound ? '200 Welcome user2!' : /^401 /);
    });
  }
});
