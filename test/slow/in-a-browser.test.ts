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
  const { origin: trusted } = await listen(root);
  const { port } = await startServer(root, { TRUSTED_ORIGINS: trusted, DOCS: 'on' });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
  root.teardown(() => browser.close());
  return { origin: `http://127.0.0.1:${port}`, browser, trusted };
}

/** The service and the browser of all tests. The first test starts them. */
let started: ReturnType<typeof start> | undefined;

/** Runs a test in a new, empty profile of the browser. */
function inABrowser(
  title: string,
  test: (t: Test, origin: string, context: BrowserContext, trusted: string) => Promise<void>,
) {
  root.test(title, async (t) => {
    const executablePath = program(t, 'chromium');
    if (executablePath === undefined) {
      return;
    }
    started ??= start(root, executablePath);
    const { origin, browser, trusted } = await started;
    const context = await browser.newContext();
    t.teardown(() => context.close());
    context.setDefaultTimeout(60_000);
    await test(t, origin, context, trusted);
  });
}

/** Starts a server with one page on a free port. */
async function listen(t: Test, html = ''): Promise<{ port: number; origin: string }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { port, origin: `http://127.0.0.1:${port}` };
}

/** Another server with one page. On 127.0.0.1 it is another origin of the same site; on localhost it is another site. */
async function otherServer(t: Test, host: '127.0.0.1' | 'localhost', html: string): Promise<string> {
  return `http://${host}:${(await listen(t, html)).port}`;
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

/** What a page of another origin gets when it calls the service with cookies, or the error of fetch. */
async function callWithCookies(page: Page, method: string, url: string, body?: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const init = { method, credentials: 'include' as const, ...(body && { headers, body: JSON.stringify(body) }) };
  return page.evaluate(
    async ([url, init]) => {
      try {
        const response = await fetch(url, init);
        return `${response.status} ${await response.text()}`;
      } catch (error) {
        return String(error);
      }
    },
    [url, init] as const,
  );
}

inABrowser(
  'a single-page app on a trusted origin signs in, refreshes and signs out',
  async (t, origin, context, spa) => {
    const page = await context.newPage();
    await page.goto(spa);
    const call = (method: string, path: string, body?: object) =>
      callWithCookies(page, method, `${origin}${path}`, body);
    t.match(await call('GET', '/session'), /^401 .*"NOT_SIGNED_IN"/, 'it reads errors');
    t.match(await call('POST', '/signin', { ...USER1, password: 'wrong' }), /^401 .*"SIGN_IN_REFUSED"/);
    t.match(await call('POST', '/signin', USER1), /^200 .*"username":"user1"/);
    const [before] = await sessionCookies(context);
    t.equal(await call('GET', '/welcome'), '200 Welcome user1!');
    t.match(await call('POST', '/refresh'), /^200 /);
    const [after] = await sessionCookies(context);
    t.not(after?.value, before?.value);
    t.equal(await call('DELETE', '/sessions'), '200 {"ended":0}', 'with a preflight request');
    t.match(await call('POST', '/logout'), /^200 /);
    t.same(await sessionCookies(context), []);
    t.match(await call('GET', '/welcome'), /^401 /);
  },
);

for (const host of ['127.0.0.1', 'localhost'] as const) {
  const site = host === 'localhost' ? 'another site' : 'another port of our host';
  inABrowser(`scripts on ${site} that is not trusted can do and read nothing`, async (t, origin, context) => {
    const page = await context.newPage();
    await page.goto(`${origin}/docs`);
    await call(page, 'POST', '/signin', USER1);
    const [cookie] = await sessionCookies(context);
    await page.goto(await otherServer(t, host, ''));
    for (const [method, path, body] of [
      ['POST', '/signin', USER1],
      ['POST', '/refresh'],
      ['POST', '/logout'],
      ['DELETE', '/sessions'],
      ['GET', '/welcome'],
    ] as const) {
      const answer = await callWithCookies(page, method, `${origin}${path}`, body);
      t.match(answer, /^TypeError: Failed to fetch/, `${method} ${path}`);
    }
    t.same(await sessionCookies(context), [cookie], 'the cookie is as it was');
    await page.goto(`${origin}/docs`);
    t.equal(await call(page, 'GET', '/welcome'), '200 Welcome user1!');
  });
}

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
