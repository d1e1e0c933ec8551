import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import root, { type Test } from 'tap';
import { service } from '../../src/app.ts';
import { parseConfig } from '../../src/config.ts';
import { fastifyOptions } from '../../src/fastify-options.ts';
import { requireSession } from '../../src/index.ts';
import { program } from '../helpers/programs.ts';
import { fakeClock, USER1 } from '../helpers/service.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';

// The session client in a real browser. The clocks of the pages and of the service are moved by the test, so ten minutes
// take some seconds.

const CHROMIUM_ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];

let started: Promise<Browser> | undefined;

/** A page of an app that uses the client, and keeps what it was told. */
const APP = (client: string) => `<!doctype html><title>App</title><p>Some text.</p><script type="module">
  import * as client from '${client}/session.js';
  const told = { ended: 0, expiring: [], errors: [], secondsLeft: [], persisted: false };
  addEventListener('pageshow', ({ persisted }) => { told.persisted = persisted; });
  client.keepAlive({
    onExpiring: (time) => told.expiring.push(time && { ...time, extend: undefined }),
    onTick: (time) => { told.secondsLeft.push(time.secondsLeft); window.extend = time.extend; },
    onEnded: () => told.ended++,
    onError: (error) => told.errors.push(error.reply?.status ?? error.name),
  });
  Object.assign(window, { client, told });
</script>`;

interface Told {
  ended: number;
  expiring: ({ secondsLeft: number; canExtend: boolean } | null)[];
  errors: (number | string)[];
  secondsLeft: number[];
  persisted: boolean;
}

/** Serves the page on a free port. */
async function serve(t: Test, app: FastifyInstance): Promise<string> {
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

function addPages(app: FastifyInstance, html: () => string): void {
  app.get('/app', (_request, reply) =>
    reply
      .headers({ 'content-type': 'text/html', 'content-security-policy': '', 'cache-control': 'no-cache' })
      .send(html()),
  );
  app.get('/elsewhere', (_request, reply) => reply.type('text/html').send('<!doctype html>Elsewhere'));
}

/** The service with a clock of its own, and pages of an app on its origin and on a trusted one. */
async function startService(t: Test, env: Record<string, string>) {
  const clock = fakeClock(Math.floor(Date.now() / 1000) * 1000);
  const trustedApp = Fastify();
  let origin = '';
  addPages(trustedApp, () => APP(origin));
  const docs = readFileSync(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
  const [, example = ''] = /## Keep a session alive.*?```html\n(.*?)```/s.exec(docs) ?? [];
  trustedApp.get('/example', (_request, reply) =>
    reply.type('text/html').send(example.replaceAll('https://login.example.com', origin)),
  );
  const trusted = await serve(t, trustedApp);
  const config = parseConfig({
    LOG_LEVEL: 'silent',
    DEMO_USERS: 'on',
    TRUSTED_ORIGINS: trusted,
    ...LENIENT_TIMEOUTS,
    ...env,
  });
  const app = Fastify(fastifyOptions(config));
  const replies: string[] = [];
  /** The test may answer or delay a request. */
  const control: { intercept?: (request: string) => Promise<number | undefined> | number | undefined } = {};
  app.addHook('onRequest', async ({ method, url }, reply) => {
    const status = await control.intercept?.(`${method} ${url}`);
    return status === undefined ? undefined : reply.code(status).send();
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('date', new Date(clock()).toUTCString());
  });
  app.addHook('onResponse', async ({ method, url }, { statusCode }) => {
    replies.push(`${method} ${url} ${statusCode}`);
  });
  await app.register(service, { config, clock });
  addPages(app, () => APP(''));
  const write = { onRequest: requireSession };
  app.post('/api/notes', write, async () => 'written');
  app.get('/api/notes', write, async () => 'notes');
  origin = await serve(t, app);
  return { origin, trusted, clock, replies, control, app };
}

type Service = Awaited<ReturnType<typeof startService>>;

/** What a test has: the service, and an empty profile of the browser whose clock it moves. */
class Scene {
  readonly service: Service;
  readonly context: BrowserContext;
  readonly pages: Page[] = [];

  constructor(service: Service, context: BrowserContext) {
    this.service = service;
    this.context = context;
  }

  async signIn(): Promise<void> {
    const reply = await this.context.request.post(`${this.service.origin}/signin`, { data: USER1 });
    if (!reply.ok()) {
      throw new Error(`sign-in: ${reply.status()}`);
    }
  }

  /** Opens the app in a tab. */
  async open(origin = this.service.origin): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(`${origin}/app`);
    await page.waitForFunction('globalThis.told');
    this.pages.push(page);
    await this.replied('GET /session');
    return page;
  }

  /** Waits for a reply since the last call of `taken`. */
  async replied(text: string): Promise<void> {
    const { app, replies } = this.service;
    const limit = AbortSignal.timeout(60_000);
    while (!replies.some((reply) => reply.startsWith(text))) {
      await once(app.server, 'request', { signal: limit });
      await this.settled();
    }
    await this.settled();
  }

  /**
   * Waits until the requests of all pages are answered. The client sends them while it has the lock. Without locks, a request
   * that is sent later than they are is answered later.
   */
  async settled(): Promise<void> {
    const probe = `navigator.locks
      ? navigator.locks.request('session-cookie-login ${this.service.origin}/', () => {})
      : fetch('/livez').then((reply) => reply.text())`;
    for (let round = 0; round < 2; round++) {
      await Promise.all(this.pages.map((page) => page.evaluate(probe)));
    }
  }

  /** Lets seconds pass, for the service and for all pages. */
  async pass(seconds: number, each: (second: number) => Promise<unknown> = async () => {}, step = 5): Promise<void> {
    for (let second = 0; second < seconds; second += step) {
      this.service.clock.advance(step * 1000);
      await this.context.clock.runFor(step * 1000);
      await this.settled();
      await each(second);
    }
  }

  /** The computer sleeps. */
  async sleep(seconds: number): Promise<void> {
    this.service.clock.advance(seconds * 1000);
    await this.context.clock.fastForward(seconds * 1000);
    await this.settled();
  }

  /** The replies to requests of the client since the last call. */
  taken(): string[] {
    return this.service.replies
      .splice(0)
      .filter((reply) => /\/(session|refresh|logout|api\/notes|welcome) /.test(reply));
  }

  told(page: Page): Promise<Told> {
    return page.evaluate('told');
  }
}

function inABrowser(
  title: string,
  test: (t: Test, scene: Scene) => Promise<void>,
  { env = {}, aheadMs = 0 }: { env?: Record<string, string>; aheadMs?: number } = {},
) {
  root.test(title, async (t) => {
    const executablePath = program(t, 'chromium');
    if (executablePath === undefined) {
      return;
    }
    // Playwright turns the back/forward cache off.
    const ignoreDefaultArgs = ['--disable-back-forward-cache'];
    started ??= chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS, ignoreDefaultArgs });
    const browser = await started;
    const running = await startService(t, env);
    const context = await browser.newContext();
    t.teardown(() => context.close());
    context.setDefaultTimeout(60_000);
    await context.clock.install({ time: running.clock() + aheadMs });
    const scene = new Scene(running, context);
    await scene.signIn();
    await test(t, scene);
  });
}

root.teardown(async () => (await started)?.close());

/** How often a user who clicks now and then in one of the tabs makes them refresh in ten minutes. */
async function refreshesInTenMinutes(t: Test, scene: Scene, count: number, mayReject = 0): Promise<number> {
  for (let tab = 0; tab < count; tab++) {
    await scene.open();
  }
  scene.taken();
  const click = async (second: number) => {
    if (second % 30 === 0) {
      const page = scene.pages[(second / 30) % count] as Page;
      await page.mouse.click(10, 10);
    }
  };
  // Larger steps than elsewhere, to save time.
  await scene.pass(600, click, 10);
  const replies = scene.taken();
  const rejected = replies.filter((reply) => reply.includes(' 401'));
  t.ok(rejected.length <= mayReject, `no tab sees a 401: ${rejected}`);
  for (const page of scene.pages) {
    t.match(await scene.told(page), { ended: 0, errors: [], expiring: [] });
  }
  return replies.filter((reply) => reply === 'POST /refresh 200').length;
}

let ofOneTab = 0;

inABrowser('one tab for ten minutes', async (t, scene) => {
  ofOneTab = await refreshesInTenMinutes(t, scene, 1);
  t.comment(`${ofOneTab} refreshes`);
  t.ok(ofOneTab >= 7 && ofOneTab <= 9, `${ofOneTab} refreshes`);
});

inABrowser('ten tabs for ten minutes refresh about as often as one', async (t, scene) => {
  const refreshes = await refreshesInTenMinutes(t, scene, 10);
  t.comment(`${refreshes} refreshes`);
  t.ok(refreshes >= 7 && refreshes <= 1.5 * ofOneTab, `${refreshes} refreshes, one tab: ${ofOneTab}`);
});

inABrowser('without Web Locks the tabs refresh about as often', async (t, scene) => {
  // As in a page without HTTPS. The tabs wait for random times, which the moved clock makes almost equal: some take the lease
  // at the same moment. Their refreshes are rejected and checked, and the apps notice nothing.
  await scene.context.addInitScript('delete Navigator.prototype.locks');
  const refreshes = await refreshesInTenMinutes(t, scene, 3, 2 * ofOneTab);
  t.comment(`${refreshes} refreshes`);
  // Without any agreement there would be three times as many.
  t.ok(refreshes >= 7 && refreshes <= 2.5 * ofOneTab, `${refreshes} refreshes, one tab: ${ofOneTab}`);
});

inABrowser('without activity it warns, a click extends, and then the session ends', async (t, scene) => {
  const page = await scene.open();
  scene.taken();
  await scene.pass(100);
  t.same(scene.taken(), [], 'nothing is sent without activity');
  const { expiring } = await scene.told(page);
  t.match(expiring[0], { canExtend: true });
  t.ok((expiring[0]?.secondsLeft ?? 0) > 25);
  await page.evaluate('extend()');
  await scene.replied('POST /refresh 200');
  await scene.pass(5);
  t.equal((await scene.told(page)).expiring.at(-1), null);
  scene.taken();
  await scene.pass(135);
  t.match(await scene.told(page), { ended: 1, errors: [] });
  t.same(scene.taken(), ['GET /session 401', 'GET /session 401']);
});

inABrowser('a sign-out in one tab ends all at once', async (t, scene) => {
  const [first, second, third] = [await scene.open(), await scene.open(), await scene.open()];
  scene.taken();
  await first.evaluate('client.signOut()');
  for (const page of [first, second, third]) {
    await page.waitForFunction('told.ended === 1');
  }
  t.same(scene.taken(), ['POST /logout 200'], 'without a request of the others');
});

inABrowser('a session that the operator has ended ends in the page', async (t, scene) => {
  const page = await scene.open();
  await scene.pass(5);
  await scene.context.clearCookies();
  await page.evaluate('extend()');
  await scene.pass(10);
  t.match(await scene.told(page), { ended: 1 });
});

inABrowser(
  'after a sleep it checks first',
  async (t, scene) => {
    const page = await scene.open();
    scene.taken();
    await scene.sleep(3000);
    await scene.replied('GET /session');
    t.same(scene.taken(), ['GET /session 200']);
    t.match(await scene.told(page), { ended: 0, expiring: [] });
    await scene.sleep(3600);
    await scene.pass(5);
    t.same(scene.taken(), ['GET /session 401', 'GET /session 401']);
    t.match(await scene.told(page), { ended: 1, expiring: [] });
  },
  { env: { SESSION_IDLE_SECONDS: '3600' } },
);

inABrowser(
  'a 503 and a lost network are retried and end nothing',
  async (t, scene) => {
    const page = await scene.open();
    scene.taken();
    await page.mouse.click(10, 10);
    scene.service.control.intercept = (request) => (request === 'POST /refresh' ? 503 : undefined);
    await scene.pass(400);
    const failed = scene.taken();
    t.ok(failed.length >= 3 && failed.length < 40, `${failed.length} requests`);
    t.same([...new Set(failed)], ['POST /refresh 503']);
    t.match((await scene.told(page)).ended, 0);
    scene.service.control.intercept = () => undefined;
    await scene.pass(35);
    t.same(scene.taken(), ['POST /refresh 200']);

    await page.mouse.click(10, 10);
    await scene.context.setOffline(true);
    await scene.pass(400);
    t.same(scene.taken(), []);
    const { errors, ended } = await scene.told(page);
    t.ok(errors.filter((error) => error === 'TypeError').length >= 3);
    t.equal(ended, 0);
    await scene.context.setOffline(false);
    await scene.pass(35);
    t.same(scene.taken(), ['POST /refresh 200']);
  },
  { env: { SESSION_IDLE_SECONDS: '600' } },
);

for (const hours of [-7, 7]) {
  inABrowser(
    `the clock of the computer may be wrong by ${hours} hours`,
    async (t, scene) => {
      const page = await scene.open();
      await page.mouse.click(10, 10);
      await scene.pass(90);
      t.same(scene.taken(), ['GET /session 200', 'POST /refresh 200']);
      const { ended, expiring, secondsLeft } = await scene.told(page);
      t.same({ ended, expiring }, { ended: 0, expiring: [] });
      t.ok(secondsLeft.every((seconds) => seconds > 35 && seconds <= 120));
    },
    { aheadMs: hours * 3_600_000 },
  );
}

inABrowser('a page of a trusted origin uses it with cookies', async (t, scene) => {
  const page = await scene.open(scene.service.trusted);
  t.same(scene.taken(), ['GET /session 200']);
  await page.mouse.click(10, 10);
  await scene.pass(90);
  t.same(scene.taken(), ['POST /refresh 200']);
  const url = `${scene.service.origin}/welcome`;
  t.equal(await page.evaluate(`client.fetchWithSession('${url}').then((reply) => reply.text())`), 'Welcome user1!');
  await page.evaluate('client.signOut()');
  t.match(await scene.told(page), { ended: 1, errors: [] });
  t.same(await scene.context.cookies().then((all) => all.filter(({ name }) => name === 'session_token')), []);
});

inABrowser('the page of docs/embedding.md warns, extends, and leads to the sign-in page', async (t, scene) => {
  const { origin, trusted } = scene.service;
  const page = await scene.context.newPage();
  await page.goto(`${trusted}/example`);
  scene.pages.push(page);
  await scene.replied('GET /session');
  await scene.pass(100);
  const dialog = page.getByRole('dialog');
  t.match(await dialog.textContent(), /Your session ends in \d\d seconds\./);
  await page.getByRole('button', { name: 'Stay signed in' }).click();
  await scene.replied('POST /refresh 200');
  await scene.pass(5);
  t.match(scene.taken(), ['GET /session 200', 'POST /refresh 200']);
  t.notOk(await dialog.isVisible());
  // The page leaves while the clock moves.
  scene.pages.pop();
  const signIn = `${origin}/signin?next=${encodeURIComponent(`${trusted}/example`)}`;
  for (let seconds = 0; page.url() !== signIn && seconds < 1000; seconds += 5) {
    await scene.pass(5);
  }
  t.equal(page.url(), signIn);
});

/** Holds a request back until another tab has replaced the token. */
async function fetchDuringRefresh(scene: Scene, page: Page, other: Page, method: string): Promise<string> {
  scene.taken();
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let pass = () => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  scene.service.control.intercept = async (request) => {
    if (request === `${method} /api/notes`) {
      arrived();
      await passed;
    }
    return undefined;
  };
  const reply = page.evaluate(
    `client.fetchWithSession('/api/notes', { method: '${method}' }).then((reply) => String(reply.status))`,
  );
  await arrival;
  await other.evaluate("fetch('/refresh', { method: 'POST' }).then(() => undefined)");
  pass();
  return String(await reply);
}

inABrowser('fetchWithSession repeats a GET whose token was replaced, and no POST', async (t, scene) => {
  const [page, other] = [await scene.open(), await scene.open()];
  t.equal(await fetchDuringRefresh(scene, page, other, 'GET'), '200');
  t.same(scene.taken(), ['POST /refresh 200', 'GET /api/notes 401', 'GET /session 200', 'GET /api/notes 200']);
  t.equal(await fetchDuringRefresh(scene, page, other, 'POST'), '401');
  t.same(scene.taken(), ['POST /refresh 200', 'POST /api/notes 401']);
});

inABrowser('a page that comes back from the back/forward cache checks the session', async (t, scene) => {
  const page = await scene.open();
  await page.goto(`${scene.service.origin}/elsewhere`);
  scene.taken();
  await scene.context.clearCookies();
  await page.evaluate('history.back()');
  await scene.replied('GET /session 401');
  await scene.pass(5);
  t.match(await scene.told(page), { persisted: true, ended: 1 });
});
