import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { program } from './programs.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { USER1 } from './service.ts';

const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
];

/** The service in a process of its own, and a browser. */
export interface Site {
  readonly origin: string;
  readonly server: ServerProcess;
  readonly browser: Browser;
  /** Opens an empty profile of the browser. It is closed at the end of the test. */
  profile(t: Test, options?: BrowserContextOptions): Promise<BrowserContext>;
}

/** Starts the service and a browser, which the tests of a file share. Returns `undefined` if there is no browser. */
export async function startSite(t: Test, env: Record<string, string> = {}): Promise<Site | undefined> {
  const executablePath = program(t, 'chromium');
  if (executablePath === undefined) {
    return undefined;
  }
  const { port, ...server } = await startServer(t, env);
  const browser = await chromium.launch({
    executablePath,
    args: CHROMIUM_ARGUMENTS,
    // playwright turns the cache off.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
  t.teardown(() => browser.close());
  const profile = async (t: Test, options?: BrowserContextOptions) => {
    const context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
    t.teardown(() => context.close());
    context.setDefaultTimeout(60_000);
    return context;
  };
  return { origin: `http://127.0.0.1:${port}`, server, browser, profile };
}

/** Signs in with the form of the sign-in page, which the page shows already, or which is opened. */
export async function signInOnPage(page: Page, origin: string, { username, password } = USER1): Promise<void> {
  if (!page.url().startsWith(`${origin}/signin`)) {
    await page.goto(`${origin}/signin`);
  }
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: /^(Sign in|Confirm)$/ }).click();
  await page.waitForLoadState();
}

/** Opens a WebSocket from a page and sends a message. Returns what it receives, or how it was closed. */
export function helloFrom(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (url) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send('hello');
        socket.onmessage = ({ data }) => resolve(String(data));
        socket.onclose = ({ code }) => resolve(`closed with ${code}`);
      }),
    url.replace('http', 'ws'),
  );
}

/** Everything that a page complains about, such as a violation of its policy, and what it loads from elsewhere. */
export function complaintsOf(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    // Chromium reports the status of every error page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(message.text());
    }
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) {
      complaints.push(request.url());
    }
  });
  return complaints;
}

/** For people to look at. Git ignores the folder. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = fileURLToPath(new URL('../../.screenshots/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}${name}.png`, fullPage: true });
}
