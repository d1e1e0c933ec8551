import type { Page } from 'playwright-core';
import t from 'tap';
import { complaintsOf, signInOnPage, startSite } from '../../helpers/browser.ts';
import { USER1, USER2 } from '../../helpers/service.ts';

// What a user does on the pages, in a real browser: with its scripts, without them, and with the keyboard only.

const site = await startSite(t, { SIGNIN_FAILURES_PER_USER: '3' });
const NEW = 'a horse, a battery';

const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent();

if (site !== undefined) {
  const { origin, profile } = site;

  for (const javaScriptEnabled of [true, false]) {
    const scripts = javaScriptEnabled ? 'with scripts' : 'without scripts';
    const user = javaScriptEnabled ? USER1 : USER2;

    t.test(`${scripts}: sign in, change the password, end sessions, sign out, and back`, async (t) => {
      const context = await profile(t, { javaScriptEnabled });
      const page = await context.newPage();
      const complaints = complaintsOf(page, origin);
      await page.goto(`${origin}/`);
      t.equal(page.url(), `${origin}/signin`);
      await signInOnPage(page, origin, { ...user, password: 'wrong' });
      t.match(await page.title(), /^Error: Sign in/);
      t.equal(await page.getByRole('alert').textContent(), 'Wrong user name or password.');
      t.equal(await page.getByLabel('User name').inputValue(), user.username);
      await signInOnPage(page, origin, user);
      t.equal(page.url(), `${origin}/account`);
      t.match(await page.locator('.who').textContent(), `Signed in as ${user.username}`);

      const other = await (await profile(t, { javaScriptEnabled })).newPage();
      await signInOnPage(other, origin, user);
      await page.reload();
      t.equal(await page.locator('.sessions li').count(), 2);
      t.equal(await page.locator('.sessions .badge').count(), 1);
      await page
        .locator('.sessions li')
        .filter({ hasNot: page.locator('.badge') })
        .getByRole('button')
        .click();
      t.equal(await page.getByRole('status').textContent(), 'The session is signed out.');
      t.equal(await page.locator('.sessions li').count(), 1);

      await page.getByLabel('Current password').fill(user.password);
      await page.getByLabel('New password').fill('short');
      await page.getByRole('button', { name: 'Change password' }).click();
      t.match(await page.title(), /^Error: Your account/);
      t.match(await page.locator('#newPassword-error').textContent(), /it must have 15 or more/);
      await page.getByLabel('Current password').fill(user.password);
      await page.getByLabel('New password').fill(NEW);
      await page.getByRole('button', { name: 'Change password' }).click();
      t.match(await page.getByRole('status').textContent(), /Your password is changed/);

      await page.locator('.heading').getByRole('button', { name: 'Sign out' }).click();
      t.equal(page.url(), `${origin}/signin?signed-out`);
      t.equal(await page.getByRole('status').textContent(), 'You are signed out.');
      await page.goBack();
      t.equal(await heading(page), 'Sign in', 'the back button shows nothing private');
      t.notMatch(await page.content(), /Where you are signed in/);
      t.same(complaints, []);
    });
  }

  t.test('everything works with the keyboard only, and the focus is always visible', async (t) => {
    const page = await (await profile(t)).newPage();
    await page.goto(`${origin}/signin`);
    // The browser applies `autofocus` after the page has loaded. A key that is pressed earlier is lost.
    await page.locator('#username:focus').waitFor();
    await page.keyboard.type('user1');
    await page.keyboard.press('Tab');
    await page.keyboard.type(NEW);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/account`);
    // The script of the page then hides the button that extends the session.
    await page.locator('body.live').waitFor();
    const names: string[] = [];
    // One press more leaves the page.
    for (let presses = 0; presses < 7; presses++) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus');
      names.push((await focused.getAttribute('id')) ?? (await focused.textContent()) ?? '');
      t.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid');
      t.equal(await page.locator(':focus-visible').count(), 1);
    }
    t.match(names, ['Sign out', /^Sign out/, 'currentPassword', 'Show', 'newPassword', 'Show', 'Change password']);
    await page.goto(`${origin}/account`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/signin?signed-out`);
  });

  t.test('too many failures are told with the wait', async (t) => {
    const page = await (await profile(t)).newPage();
    for (let failures = 0; failures < 4; failures++) {
      await signInOnPage(page, origin, { username: 'nobody', password: 'wrong' });
    }
    t.equal(await page.getByRole('alert').textContent(), 'Too many failed sign-ins. Try again in 15 minutes.');
  });
}
