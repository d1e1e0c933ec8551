import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { complaintsOf, screenshot, signInOnPage, startSite } from '../../helpers/browser.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

// What the page script does with a session, and what the pages do beside other origins and tabs.

const trusted = createServer((_request, response) =>
  response.setHeader('content-type', 'text/html').end('<h1>App</h1>'),
);
trusted.listen(0, '127.0.0.1');
await once(trusted, 'listening');
t.teardown(() => void trusted.close());
const app = `http://127.0.0.1:${(trusted.address() as AddressInfo).port}`;

const folder = temporaryDirectory(t);
writeFileSync(
  `${folder}/logo.svg`,
  '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" fill="green"/></svg>',
);
writeFileSync(`${folder}/site.css`, ':root { --accent: rgb(1, 102, 3); }');

const site = await startSite(t, {
  SESSION_IDLE_SECONDS: '20',
  FRESH_SECONDS: '3',
  TRUSTED_ORIGINS: app,
  SITE_NAME: 'Example',
  SITE_LOGO: `${folder}/logo.svg`,
  SITE_STYLES: `${folder}/site.css`,
});

if (site !== undefined) {
  const { origin, profile } = site;

  t.test('the account page warns before the end, and a click extends the session', async (t) => {
    const page = await (await profile(t)).newPage();
    const complaints = complaintsOf(page, origin);
    await signInOnPage(page, origin);
    // A reload without an activity after it.
    await page.goto(`${origin}/account`);
    await page.locator('body.live').waitFor();
    t.match(await page.locator('dd.clock').textContent(), /^00:[01]\d$/);
    const dialog = page.getByRole('dialog', { name: 'Are you still there?' });
    await dialog.waitFor();
    t.match(await dialog.locator('.clock').textContent(), /^00:0\d$/);
    await screenshot(page, 'expiring');
    const refreshed = page.waitForResponse(`${origin}/refresh`);
    await dialog.getByRole('button', { name: 'Stay signed in' }).click();
    t.equal((await refreshed).status(), 200);
    await dialog.waitFor({ state: 'hidden' });
    await page
      .getByText(/^00:1\d$/)
      .first()
      .waitFor();
    t.equal(page.url(), `${origin}/account`);
    t.same(complaints, []);
  });

  t.test('without activity the session ends, and the page shows the sign-in form', async (t) => {
    const page = await (await profile(t)).newPage();
    await signInOnPage(page, origin);
    await page.goto(`${origin}/account`);
    await page.waitForURL(`${origin}/signin?next=%2Faccount`);
    t.equal(await page.getByRole('dialog').count(), 0);
    await signInOnPage(page, origin);
    t.equal(page.url(), `${origin}/account`, 'and leads back');
  });

  t.test('without scripts a button extends the session', async (t) => {
    const page = await (await profile(t, { javaScriptEnabled: false })).newPage();
    await signInOnPage(page, origin);
    t.equal(await page.locator('.clock:visible, .live:visible, .show:visible').count(), 0);
    t.match(await page.locator('dl').textContent(), /Ends without activity.* UTC/);
    await page.getByRole('button', { name: 'Stay signed in' }).click();
    t.equal(await page.getByRole('status').textContent(), 'Your session is extended.');
  });

  t.test('signing out in one tab ends the other', async (t) => {
    const context = await profile(t);
    const [first, second] = [await context.newPage(), await context.newPage()];
    await signInOnPage(first, origin);
    await second.goto(`${origin}/account`);
    await second.locator('body.live').waitFor();
    await first.bringToFront();
    await first.locator('.heading').getByRole('button', { name: 'Sign out' }).click();
    await first.getByText('You are signed out.').waitFor();
    await second.waitForURL(`${origin}/signin?next=%2Faccount`);
  });

  t.test('a page that the back/forward cache restores after a sign-out shows nothing private', async (t) => {
    const context = await profile(t);
    const page = await context.newPage();
    await signInOnPage(page, origin);
    await page.goto(`${origin}/nowhere`);
    await context.clearCookies();
    await page.goBack();
    await page.waitForURL(`${origin}/signin?next=%2Faccount`);
    t.notMatch(await page.content(), /Where you are signed in/);
  });

  t.test('the page that asks before a sign-out waits for the click, also when it is restored', async (t) => {
    const context = await profile(t);
    const page = await context.newPage();
    const welcome = async () => (await context.request.get(`${origin}/welcome`)).status();
    await signInOnPage(page, origin);
    await page.goto(app);
    const address = `${origin}/logout?next=${encodeURIComponent(`${app}/bye`)}`;
    await page.evaluate(`location.href = ${JSON.stringify(address)}`);
    const button = page.getByRole('button', { name: 'Sign out' });
    await button.waitFor();
    // The cache restores both pages: there is no load event.
    await page.goBack({ waitUntil: 'commit' });
    await page.getByRole('heading', { name: 'App' }).waitFor();
    await page.goForward({ waitUntil: 'commit' });
    await button.waitFor();
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    await page.reload();
    await button.waitFor();
    t.equal(await welcome(), 200);
    await button.click();
    await page.waitForURL(`${app}/bye`);
    t.equal(await welcome(), 401);
  });

  t.test('a page is hidden when it is left, and loaded again when it is restored', async (t) => {
    const page = await (await profile(t)).newPage();
    await signInOnPage(page, origin);
    await page.locator('body.live').waitFor();
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))");
    t.equal(await page.locator('main').isVisible(), false);
    const loaded = page.waitForEvent('load');
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    await loaded;
    t.equal(await page.locator('main').isVisible(), true);
  });

  t.test('what needs a recent sign-in asks for the password and comes back', async (t) => {
    const page = await (await profile(t)).newPage();
    await signInOnPage(page, origin);
    const other = await (await profile(t)).newPage();
    await signInOnPage(other, origin);
    await page.reload();
    const since = Date.parse((await page.locator('.sessions li:has(.badge) time').getAttribute('datetime')) ?? '');
    await page.waitForFunction((at) => Date.now() > at, since + 3000);
    await page.getByRole('button', { name: 'Sign out all other sessions' }).click();
    t.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Confirm your password');
    t.equal(await page.getByLabel('User name').inputValue(), 'user1');
    await page.getByLabel('Password', { exact: true }).fill('password1');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.waitForURL(`${origin}/account`);
    await page.getByRole('button', { name: 'Sign out all other sessions' }).click();
    t.match(await page.getByRole('status').textContent(), /All other sessions are signed out/);
    await other.goto(`${origin}/account`);
    t.equal(other.url(), `${origin}/signin?next=%2Faccount`);
  });

  for (const javaScriptEnabled of [true, false]) {
    t.test(`a sign-in leads to a page of a trusted origin, scripts ${javaScriptEnabled ? 'on' : 'off'}`, async (t) => {
      const page = await (await profile(t, { javaScriptEnabled })).newPage();
      await page.goto(`${origin}/signin?next=${encodeURIComponent(`${app}/inbox?a=1`)}`);
      await signInOnPage(page, origin);
      t.equal(page.url(), `${app}/inbox?a=1`, 'form-action allows it');
      await page.goto(`${origin}/signin?next=https://evil.example/`);
      await page.getByLabel('Password', { exact: true }).fill('password1');
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.waitForURL(`${origin}/account`);
    });
  }

  t.test('the password can be shown and pasted, and is hidden before it is sent', async (t) => {
    const page = await (await profile(t, { permissions: ['clipboard-read', 'clipboard-write'] })).newPage();
    await page.goto(`${origin}/signin`);
    const password = page.getByLabel('Password', { exact: true });
    const show = page.getByRole('button', { name: 'Show password' });
    await page.evaluate("navigator.clipboard.writeText('password1')");
    await password.focus();
    await page.keyboard.press('Control+V');
    t.equal(await password.inputValue(), 'password1');
    t.equal(await show.getAttribute('aria-pressed'), 'false');
    await show.click();
    t.equal(await password.getAttribute('type'), 'text');
    t.equal(await show.getAttribute('aria-pressed'), 'true');
    await show.click();
    t.equal(await password.getAttribute('type'), 'password');
    await show.click();
    await page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())");
    await page.getByLabel('User name').fill('user1');
    await page.getByRole('button', { name: 'Sign in' }).click();
    t.equal(await password.getAttribute('type'), 'password');
  });

  t.test('times are shown in the time zone of the browser', async (t) => {
    const page = await (await profile(t, { timezoneId: 'Asia/Kathmandu' })).newPage();
    await signInOnPage(page, origin);
    await page.locator('body.live').waitFor();
    const time = page.locator('dl time').first();
    const iso = (await time.getAttribute('datetime')) ?? '';
    const format = new Intl.DateTimeFormat('en', {
      dateStyle: 'medium',
      timeStyle: 'short',
      timeZone: 'Asia/Kathmandu',
    });
    t.equal(await time.textContent(), format.format(new Date(iso)));
  });

  t.test('the logo and the style sheet of the site are used', async (t) => {
    const page = await (await profile(t)).newPage();
    const complaints = complaintsOf(page, origin);
    await page.goto(`${origin}/signin`);
    t.match(await page.title(), 'Sign in – Example');
    t.equal(await page.evaluate("document.querySelector('.logo').naturalWidth"), 120);
    t.equal(
      await page.evaluate("getComputedStyle(document.querySelector('form > button')).backgroundColor"),
      'rgb(1, 102, 3)',
    );
    await screenshot(page, 'sign-in-branded');
    t.same(complaints, []);
  });
}
