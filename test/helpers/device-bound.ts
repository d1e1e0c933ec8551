import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { type Certificate, selfSigned } from './certificate.ts';
import { program } from './programs.ts';
import { Recorder } from './recorder.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { USER1 } from './service.ts';
import { BLANK_PATH, startTlsFront, type TlsFront } from './tls-front.ts';

// The service behind TLS, and Chromium with Device Bound Session Credentials (https://w3c.github.io/webappsec-dbsc/).

export const COOKIE_NAME = '__Host-session_token';

/** The token of a bound session is good for 3 seconds, and the cookie for 2. */
export const SHORT = { SESSION_IDLE_SECONDS: '3' };
/** Nothing expires during a test. `Device.forgetCookie` makes the browser refresh. */
export const LONG = { SESSION_IDLE_SECONDS: '100' };

/** The software keys replace the TPM, which test machines do not have. */
const FEATURES = ['DeviceBoundSessions', 'EnableBoundSessionCredentialsSoftwareKeysForManualTesting'];
/** Chromium signs at most six times in nine minutes. Most tests are faster. */
const WITHOUT_QUOTA = ['DeviceBoundSessions:RefreshQuota/false', ...FEATURES.slice(1)];

export interface DeviceOptions {
  /** Whether the browser has the feature. */
  readonly feature?: boolean;
  readonly quota?: boolean;
  /** The folder of the profile of a browser of its own. Default: an empty profile in a browser that the tests of the site share. */
  readonly profile?: string;
}

/** What Chromium reports: that a session was created, refreshed, challenged or ended, and how it went. */
export interface DeviceEvent {
  readonly what: 'created' | 'refreshed' | 'challenged' | 'ended';
  readonly result: string;
  readonly sessionId: string;
}

export interface BoundSite {
  readonly front: TlsFront;
  readonly origin: string;
  /** The latest process of the service. */
  server: ServerProcess & { port: number };
  /** Starts the service again. */
  restart(): Promise<void>;
  /** Opens a browser with a page of an app. */
  open(t: Test, options?: DeviceOptions): Promise<Device>;
}

/** Starts the service. Returns `undefined` if a program is missing. */
export async function startBoundSite(t: Test, env: Record<string, string> = SHORT): Promise<BoundSite | undefined> {
  const chromium = program(t, 'chromium');
  const certificate = selfSigned(t, ['localhost']);
  if (chromium === undefined || certificate === undefined) {
    return undefined;
  }
  const front = await startTlsFront(t, certificate);
  const openProfile = profiles(t, chromium, certificate);
  const start = () => startServer(t, { PUBLIC_URL: front.origin, DEMO_USERS: 'on', ...env });
  const site: BoundSite = {
    front,
    origin: front.origin,
    server: await start(),
    restart: async () => {
      front.target = 0;
      site.server.child.kill('SIGTERM');
      await site.server.exited;
      site.server = await start();
      front.target = site.server.port;
    },
    open: async (t, options) => Device.open(front, await openProfile(t, options)),
  };
  front.target = site.server.port;
  return site;
}

function profiles(site: Test, executablePath: string, certificate: Certificate) {
  const shared = new Map<string, Promise<Browser>>();
  const newContext = async (features: string) => {
    const browser = shared.get(features) ?? chromium.launch(optionsOf(executablePath, certificate, features));
    shared.set(features, browser);
    return (await browser).newContext();
  };
  site.teardown(async () => Promise.all([...shared.values()].map(async (browser) => (await browser).close())));

  return async (t: Test, { feature = true, quota = false, profile }: DeviceOptions = {}): Promise<BrowserContext> => {
    const features = feature ? (quota ? FEATURES : WITHOUT_QUOTA).join() : '';
    const context = profile
      ? await chromium.launchPersistentContext(profile, optionsOf(executablePath, certificate, features))
      : await newContext(features);
    t.teardown(() => context.close());
    context.setDefaultTimeout(60_000);
    return context;
  };
}

function optionsOf(executablePath: string, certificate: Certificate, features: string) {
  return {
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      // Chromium binds no session where certificate errors are ignored as a whole, as playwright does.
      `--ignore-certificate-errors-spki-list=${publicKeyHash(certificate)}`,
      // Chromium uses the last switch. playwright adds one of its own before.
      ...(features ? [`--enable-features=${features}`] : []),
    ],
  };
}

function publicKeyHash({ cert }: Certificate): string {
  const { publicKey } = new X509Certificate(readFileSync(cert));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

/** A browser with one page or more. */
export class Device {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly events: Recorder<DeviceEvent>;
  readonly #front: TlsFront;

  private constructor(context: BrowserContext, page: Page, events: Recorder<DeviceEvent>, front: TlsFront) {
    this.context = context;
    this.page = page;
    this.events = events;
    this.#front = front;
  }

  static async open(front: TlsFront, context: BrowserContext): Promise<Device> {
    const page = context.pages()[0] ?? (await context.newPage());
    const events = await eventsOf(context, page);
    await page.goto(`${front.origin}${BLANK_PATH}`);
    return new Device(context, page, events, front);
  }

  /** Why sessions have ended in the browser. */
  get ends(): string[] {
    return this.events.all
      .filter(({ what }) => what === 'ended')
      .map(({ sessionId, result }) => `${sessionId} ${result}`);
  }

  /** Opens the page of the app in another tab. */
  async newTab(): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(`${this.#front.origin}${BLANK_PATH}`);
    return page;
  }

  /** Calls the service by `fetch` from a page. Resolves with the status and the text of the reply. */
  call(method: string, path: string, body?: object, page = this.page): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    return page.evaluate(
      async ([path, init]) => {
        const response = await fetch(path, init);
        return `${response.status} ${await response.text()}`;
      },
      [path, body ? { method, headers, body: JSON.stringify(body) } : { method }] as const,
    );
  }

  welcome(page = this.page): Promise<string> {
    return this.call('GET', '/welcome', undefined, page);
  }

  /** Signs in by `fetch`. Resolves with the id of the session once the browser has registered its key. */
  async signIn(credentials = USER1): Promise<string> {
    const created = this.events.next('a registration', ({ what }) => what === 'created');
    const reply = await this.call('POST', '/signin', credentials);
    if (!reply.startsWith('200')) {
      throw new Error(`the sign-in was answered with ${reply}`);
    }
    const { sessionId, result } = await created;
    if (result !== 'Success') {
      throw new Error(`the registration failed: ${result}`);
    }
    return sessionId;
  }

  /** The session cookie that the browser would send now, as `name=value`. */
  async cookie(): Promise<string | undefined> {
    const [cookie] = (await this.context.cookies(this.#front.origin)).filter(({ name }) => name === COOKIE_NAME);
    return cookie && `${cookie.name}=${cookie.value}`;
  }

  /** The cookie is gone before it expires. The browser keeps its session, and refreshes at the next request. */
  async forgetCookie(): Promise<void> {
    await this.context.clearCookies({ name: COOKIE_NAME });
  }

  /** Resolves once the session cookie has expired in the browser. Nothing reports that. */
  async cookieExpired(): Promise<void> {
    while ((await this.cookie()) !== undefined) {
      await sleep(50);
    }
  }
}

async function eventsOf(context: BrowserContext, page: Page): Promise<Recorder<DeviceEvent>> {
  const events = new Recorder<DeviceEvent>();
  const cdp = await context.newCDPSession(page);
  cdp.on('Network.deviceBoundSessionEventOccurred', (event) => {
    const { sessionId = '', creationEventDetails, refreshEventDetails, challengeEventDetails } = event;
    const { terminationEventDetails } = event;
    const add = (what: DeviceEvent['what'], result?: string) => result && events.add({ what, result, sessionId });
    add('created', creationEventDetails?.fetchResult);
    add('refreshed', refreshEventDetails?.refreshResult);
    add('challenged', challengeEventDetails?.challengeResult);
    add('ended', terminationEventDetails?.deletionReason);
  });
  await cdp.send('Network.enable');
  await cdp.send('Network.enableDeviceBoundSessions', { enable: true });
  return events;
}
