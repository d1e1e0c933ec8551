import { setTimeout as sleep } from 'node:timers/promises';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { helloFrom, signInOnPage } from '../../helpers/browser.ts';
import { program } from '../../helpers/programs.ts';
import { APP, certificateOf, LOGIN, loginSettings, PROXIES, startApp } from '../../helpers/proxies.ts';
import { startServer } from '../../helpers/server-process.ts';

// A user of an app behind the recipes, in a real browser.

const APP_ORIGIN = `https://${APP}`;
const LOGIN_ORIGIN = `https://${LOGIN}`;
/** Longer than any step of the walk takes on a busy machine. */
const IDLE_SECONDS = 15;

/** Opens an empty profile. The names of the recipes lead to the port of the proxy. */
async function openBrowser(t: Test, executablePath: string, port: number): Promise<BrowserContext> {
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      `--host-resolver-rules=MAP *.example.com 127.0.0.1:${port}`,
    ],
  });
  t.teardown(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(60_000);
  return context;
}

/** A page with a form that sends a note to the app. Other sites have it. */
const FORM = `<form method="post" action="${APP_ORIGIN}/notes"><input name="note" value="x"><button>Win</button></form>`;
const OTHER_SITES = ['https://evil.test', 'https://other.example.com'] as const;

/** Opens a page whose requests to the other sites are answered with the form. */
async function openAttackerPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.route(
    ({ origin }) => OTHER_SITES.some((site) => site === origin),
    (route) => route.fulfill({ contentType: 'text/html', body: FORM }),
  );
  return page;
}

/** Sends the form from another site. Resolves with the status of the answer. */
async function attack(page: Page, origin: (typeof OTHER_SITES)[number]): Promise<number | undefined> {
  await page.goto(`${origin}/`);
  const answered = page.waitForResponse(`${APP_ORIGIN}/notes`);
  await page.getByRole('button', { name: 'Win' }).click();
  const status = (await answered).status();
  await page.waitForURL(`${APP_ORIGIN}/notes`);
  return status;
}

/** Loads the session client from a page of the app. Returns how long the session lasts, in seconds. */
function secondsLeft(page: Page): Promise<number> {
  return page.evaluate(async (url) => {
    const { keepAlive } = await import(url);
    return new Promise<number>((resolve, reject) => {
      keepAlive({ onTick: (time: { secondsLeft: number }) => resolve(time.secondsLeft), onEnded: reject });
    });
  }, `${LOGIN_ORIGIN}/session.js`);
}

const statusOf = (page: Page, path: string) => page.evaluate(async (path) => (await fetch(path)).status, path);

/** Requests the app for longer than the idle time. */
async function stayActive(t: Test, page: Page): Promise<void> {
  const end = performance.now() + IDLE_SECONDS * 1200;
  while (performance.now() < end) {
    t.equal(await statusOf(page, '/activity'), 200);
    await sleep((IDLE_SECONDS * 1000) / 6);
  }
}

async function walk(t: Test, context: BrowserContext): Promise<void> {
  const page = await context.newPage();
  const target = `${APP_ORIGIN}/notes/1?sort=by%20name&q=%26`;
  await page.goto(target);
  t.equal(page.url(), `${LOGIN_ORIGIN}/signin?next=${encodeURIComponent(target)}`);
  await signInOnPage(page, LOGIN_ORIGIN);
  await page.waitForURL(target);
  await page.getByRole('heading', { name: 'Hello user1' }).waitFor();

  await page.getByLabel('Note').fill('tea');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(`${APP_ORIGIN}/notes`);
  t.match(await page.locator('pre').textContent(), /"method": "POST"[\s\S]*"bytes": 8,/);

  const attacker = await openAttackerPage(context);
  t.equal(await attack(attacker, 'https://evil.test'), 403, 'another site');
  t.equal(await attack(attacker, 'https://other.example.com'), 403, 'another host of the domain, which has the cookie');
  t.equal(await helloFrom(page, `${APP_ORIGIN}/socket`), 'user1: hello');

  await stayActive(t, page);
  const left = await secondsLeft(page);
  t.ok(left > 0 && left <= IDLE_SECONDS, 'the session client works on a page of the app');
  await page.goto(target);
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.waitForURL(`${LOGIN_ORIGIN}/logout?next=**`);
  t.equal(await statusOfApp(context), 200, 'the link alone does not sign out');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${LOGIN_ORIGIN}/signin?next=**`);
  t.equal(new URL(page.url()).searchParams.get('next'), `${APP_ORIGIN}/`, 'the app leads back to the sign-in page');
  await page.goto(target);
  t.equal(page.url(), `${LOGIN_ORIGIN}/signin?next=${encodeURIComponent(target)}`);
}

/** The status of a fetch from a page of the app. */
async function statusOfApp(context: BrowserContext): Promise<number> {
  const page = await context.newPage();
  const response = await page.goto(`${APP_ORIGIN}/`);
  return response?.status() ?? 0;
}

t.test('an app behind the login in a browser', async (t) => {
  const executablePath = program(t, 'chromium');
  const certificate = certificateOf(t);
  if (executablePath === undefined || certificate === undefined) {
    return;
  }
  const env = { ...loginSettings(), DEMO_USERS: 'on', SESSION_IDLE_SECONDS: String(IDLE_SECONDS) };
  const { port: loginPort } = await startServer(t, env);
  const appPort = await startApp(t);
  // Most of the time is for the session to outlive its idle time.
  t.jobs = 2;
  const walks = (['nginx', 'caddy'] as const).map((name) =>
    t.test(`behind ${name}`, { buffered: true }, async (t) => {
      const port = await PROXIES[name](t, { loginPort, appPort, certificate });
      if (port !== undefined) {
        await walk(t, await openBrowser(t, executablePath, port));
      }
    }),
  );
  await Promise.all(walks);
});
