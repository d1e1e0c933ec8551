import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { type BoundSite, type Device, LONG, startBoundSite } from '../../helpers/device-bound.ts';
import { refreshes } from '../../helpers/refreshes.ts';

// The pages and the session client in Chromium, with bound sessions.

const PROOF = ['refresh 403 challenge', 'proof 200 cookie'];

/** A page of another site, with a link to an address. */
async function startOtherSite(t: Test, address: string): Promise<string> {
  const html = `<!doctype html><link rel="icon" href="data:,"><a href="${address}">Your account</a>`;
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What has passed since a position, without files and the requests of the browser itself. */
function requests({ front }: BoundSite, from: number): string[] {
  return front.wire.all
    .slice(from)
    .filter(({ path }) => !/^\/(assets|refresh|session\.js|favicon)/.test(path))
    .map(({ method, path, status }) => `${method} ${path} ${status}`);
}

async function clickLink({ page }: Device, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('link').click();
}

t.test('the pages', async (t) => {
  const site = await startBoundSite(t, LONG);
  if (site === undefined) {
    return;
  }
  const { front, origin } = site;
  const other = await startOtherSite(t, `${origin}/account`);

  t.test('a link on another site leads to the page, although the cookie has expired', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    await device.forgetCookie();
    const from = front.wire.all.length;
    await clickLink(device, other);
    await device.page.getByRole('heading', { name: 'Your account' }).waitFor();
    t.equal(device.page.url(), `${origin}/account`);
    t.match(await device.page.locator('.sessions li:has(.badge)').textContent(), /Bound to its device/);
    const seen = requests(site, from);
    t.same(seen.slice(0, 4), [
      'GET /account 303',
      'GET /signin?next=%2Faccount 200',
      'GET /session 200',
      'GET /account 200',
    ]);
    t.same(refreshes(front, from).slice(0, 2), PROOF);
  });

  t.test('somebody who is not signed in gets the form after one request, and stays there', async (t) => {
    const device = await site.open(t);
    const from = front.wire.all.length;
    const asked = device.page.waitForResponse(`${origin}/session`);
    await clickLink(device, other);
    t.equal((await asked).status(), 401);
    await device.page.getByLabel('User name').fill('user1');
    await device.page.getByLabel('Password', { exact: true }).fill('password1');
    t.same(requests(site, from), ['GET /account 303', 'GET /signin?next=%2Faccount 200', 'GET /session 401']);
    await device.page.getByRole('button', { name: 'Sign in' }).click();
    await device.page.waitForURL(`${origin}/account`);
  });

  t.test('after a sign-out the link shows the form', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    t.match(await device.call('POST', '/logout'), /^200 /);
    const asked = device.page.waitForResponse(`${origin}/session`);
    await clickLink(device, other);
    t.equal((await asked).status(), 401);
    await device.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  t.test('the session client asks for the session, and the browser refreshes it', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    await device.page.goto(`${origin}/account`);
    await device.page.locator('body.live').waitFor();
    await device.forgetCookie();
    const from = front.wire.all.length;
    const asked = device.page.waitForResponse(`${origin}/session`);
    await device.page.evaluate("dispatchEvent(new Event('visibilitychange'))");
    t.match(await (await asked).json(), { bound: true });
    t.same(refreshes(front, from).slice(0, 2), PROOF);
    t.notMatch(refreshes(front, from).join(), 'plain');
    t.equal(device.page.url(), `${origin}/account`);
  });

  t.test('without scripts, the button to stay signed in lets the browser refresh the session', async (t) => {
    const device = await site.open(t);
    await device.signIn();
    // The scripts of the page do not run, but the form is that of a page without them.
    await device.page.route('**/page.js*', (route) => route.abort());
    await device.page.goto(`${origin}/account`);
    await device.forgetCookie();
    const from = front.wire.all.length;
    await device.page.getByRole('button', { name: 'Stay signed in' }).first().click();
    await device.page.getByRole('heading', { name: 'Your account' }).waitFor();
    await device.page.waitForURL(`${origin}/account?`);
    t.same(refreshes(front, from).slice(0, 2), PROOF);
  });
});
