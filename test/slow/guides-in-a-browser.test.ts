import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { helloFrom } from '../helpers/browser.ts';
import { startApps } from '../helpers/guides.ts';
import { program } from '../helpers/programs.ts';

// The pages of the guides in a real browser, which sends its own Origin and Fetch Metadata.

const DIRECTORY = fileURLToPath(new URL('../../examples/guides', import.meta.url));
const PASSWORD = 'a horse, a battery, a staple';

async function startGuide(t: Test, name: string): Promise<string> {
  const [url = ''] = await startApps(t, DIRECTORY, [process.execPath, `${name}.js`]);
  return url;
}

async function newPage(t: Test, browser: Browser): Promise<Page> {
  const context = await browser.newContext();
  t.teardown(() => context.close());
  context.setDefaultTimeout(60_000);
  return context.newPage();
}

async function enter(page: Page, password: string): Promise<void> {
  await page.getByLabel('Name').fill('ann');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function serverRendered(t: Test, browser: Browser): Promise<void> {
  const url = await startGuide(t, 'server-rendered');
  const page = await newPage(t, browser);
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await enter(page, 'wrong');
  await page.getByText('Wrong username or password.').waitFor();
  await enter(page, PASSWORD);
  await page.getByRole('button', { name: 'Add a tea' }).click();
  await page.getByText('Added a tea.').waitFor();
  await page.getByText('Teas in your cart: 1').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('Hello guest.').waitFor();
  t.equal(page.url(), `${url}/`);
}

async function singlePage(t: Test, browser: Browser): Promise<void> {
  const url = await startGuide(t, 'single-page');
  const page = await newPage(t, browser);
  await page.clock.install();
  await page.goto(url);
  await enter(page, 'wrong');
  await page.getByText('Wrong username or password.').waitFor();
  await enter(page, PASSWORD);
  await page.getByText('the notes of ann').waitFor();
  t.notOk(await page.getByLabel('Password').isVisible());

  const tab = await page.context().newPage();
  await tab.goto(url);
  await tab.getByText('the notes of ann').waitFor();
  await page.clock.fastForward(460_000);
  const refreshed = page.waitForResponse(`${url}/auth/refresh`);
  await page.locator('form').evaluate((form: { requestSubmit(): void }) => form.requestSubmit());
  t.equal((await refreshed).status(), 200);
  await page.getByText('the notes of ann').waitFor();

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
  await tab.reload();
  await tab.getByLabel('Password').waitFor();
}

async function webSocket(t: Test, browser: Browser): Promise<void> {
  const url = await startGuide(t, 'websocket');
  const page = await newPage(t, browser);
  await page.goto(`${url}/auth/session`);
  t.equal(await helloFrom(page, `${url}/chat`), 'closed with 1006', 'a stranger gets no socket');
  const data = { username: 'ann', password: PASSWORD };
  t.equal((await page.request.post(`${url}/auth/signin`, { data })).status(), 200);
  t.equal(await helloFrom(page, `${url}/chat`), 'ann: hello');
  // Another port is another origin of the same site: the browser sends the cookie.
  const other = await startGuide(t, 'single-page');
  await page.goto(other);
  t.equal(await helloFrom(page, `${url}/chat`), 'closed with 1006', 'another origin gets no socket');
}

t.test('the guides in a browser', async (t) => {
  const executablePath = program(t, 'chromium');
  if (executablePath === undefined) {
    return;
  }
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  t.teardown(() => browser.close());
  await t.test('server-rendered app', (t) => serverRendered(t, browser));
  await t.test('single-page app', (t) => singlePage(t, browser));
  await t.test('WebSocket', (t) => webSocket(t, browser));
});
