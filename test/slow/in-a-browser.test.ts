import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import root, { type Test } from 'tap';
import { program } from '../helpers/programs.ts';
import { startServer } from '../helpers/server-process.ts';
import { USER1 } from '../helpers/service.ts';

// What only a real browser can show: its cookie jar, its Fetch Metadata, its Content-Security-Policy.

const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
];

async function start(root: Test, executablePath: string) {
  const { port } = await startServer(root);
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
  root.teardown(() => browser.close());
  return { origin: `http://127.0.0.1:${port}`, browser };
}

/** The service and the browser of all tests. The first test starts them. */
let started: ReturnType<typeof start> | undefined;

/** Runs a test in a new, empty profile of the browser. */
function inABrowser(title: string, test: (t: Test, origin: string, context: BrowserContext) => Promise<void>) {
  root.test(title, async (t) => {
    const executablePath = program(t, 'chromium');
    if (executablePath === undefined) {
      return;
    }
    started ??= start(root, executablePath);
    const { origin, browser } = await started;
    const context = await browser.newContext();
    t.teardown(() => context.close());
    context.setDefaultTimeout(60_000);
    await test(t, origin, context);
  });
}

/** Another server with one page. On 127.0.0.1 it is another origin of the same site; on localhost it is another site. */
async function otherServer(t: Test, host: '127.0.0.1' | 'localhost', html: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/** The session cookie, without the device cookie, which stays when a session ends. */
async function sessionCookies(context: BrowserContext) {
  return (await context.cookies()).filter(({ name }) => name === 'session_token');
}

/** The reply that a page of the service gets when it calls the service. */
async function call(page: Page, method: string, path: string, body?: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  return page.evaluate(
    async ([path, init]) => {
      const response = await fetch(path, init);
      return `${response.status} ${await response.text()}`;
    },
    [path, body ? { method, headers, body: JSON.stringify(body) } : { method }] as const,
  );
}

inABrowser('a page of the service signs in, is welcomed, refreshes and signs out', async (t, origin, context) => {
  const page = await context.newPage();
  await page.goto(`${origin}/docs`);
  t.match(await call(page, 'POST', '/signin', USER1), /^200 /);
  t.equal(await page.evaluate('document.cookie'), '', 'scripts do not see the cookie');
  const [before] = await sessionCookies(context);
  t.match(before, { name: 'session_token', httpOnly: true, sameSite: 'Lax', path: '/' });
  t.equal(await call(page, 'GET', '/welcome'), '200 Welcome user1!');
  t.match(await call(page, 'POST', '/refresh'), /^200 /);
  const [after] = await sessionCookies(context);
  t.not(after?.value, before?.value);
  t.match(await call(page, 'POST', '/logout'), /^200 /);
  t.same(await sessionCookies(context), []);
  t.match(await call(page, 'GET', '/welcome'), /^401 /);
});

inABrowser('the docs work under our policy, with nothing from elsewhere (ASVS 3.6.1)', async (t, origin, context) => {
  const page = await context.newPage();
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) {
      elsewhere.push(request.url());
    }
  });
  await page.goto(`${origin}/docs`);
  for (const [operation, answer] of [
    ['signIn', '"username": "user1"'],
    ['welcome', 'Welcome user1!'],
  ]) {
    const block = page.locator(`[id$="${operation}"]`);
    await block.locator('button.opblock-summary-control').click();
    await block.getByRole('button', { name: 'Try it out' }).click();
    await block.getByRole('button', { name: 'Execute' }).click();
    const live = block.locator('.live-responses-table');
    await live.waitFor();
    t.match(await live.textContent(), answer);
  }
  t.same(complaints, []);
  t.same(elsewhere, []);
});

for (const host of ['localhost', '127.0.0.1'] as const) {
  const site = host === 'localhost' ? 'another site' : 'another port of our host';
  inABrowser(`a page of ${site} cannot sign anybody in or out (ASVS 7.6.2)`, async (t, origin, context) => {
    const page = await context.newPage();
    await page.goto(`${origin}/docs`);
    await call(page, 'POST', '/signin', USER1);
    const [cookie] = await sessionCookies(context);

    const form = `<form method="post" action="${origin}/signin"><input name="username" value="user2"><input name="password"
      value="password2"><button>go</button></form>`;
    const links = `<a href="${origin}/logout">out</a><img src="${origin}/logout"><link rel="prefetch" href="${origin}/logout">`;
    const evil = await otherServer(t, host, form + links);
    for (const text of ['go', 'out']) {
      await page.goto(evil, { waitUntil: 'networkidle' });
      const [answer] = await Promise.all([page.waitForNavigation(), page.getByText(text).click()]);
      t.equal(answer?.status(), 403, text);
    }
    t.same(await sessionCookies(context), [cookie], 'the cookie is as it was');
    await page.goto(`${origin}/docs`);
    t.equal(await call(page, 'GET', '/welcome'), '200 Welcome user1!');
  });
}

inABrowser('a user who types the address of /logout is signed out', async (t, origin, context) => {
  const page = await context.newPage();
  await page.goto(`${origin}/docs`);
  await call(page, 'POST', '/signin', USER1);
  const answer = await page.goto(`${origin}/logout`);
  t.equal(answer?.status(), 200);
  t.same(await sessionCookies(context), []);
});
