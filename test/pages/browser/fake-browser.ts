import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Test } from 'tap';

// What the scripts for browsers use of a browser and of the service, for tests in Node.

export type Client = typeof import('../../../src/pages/browser/session.ts');

const RealRequest = Request;
const START = Date.UTC(2030, 0, 1, 12);
/** How long the cookie of a bound session lasts. */
const COOKIE_MS = 115_000;

/** A module instance of its own, as each tab has one. The number makes the URL unique. */
let tabs = 0;
export function openTab(): Promise<Client> {
  tabs++;
  return import(new URL(`../../../src/pages/browser/session.ts?tab-${tabs}.ts`, import.meta.url).href);
}

/** The service: one session, and the requests that it has received. */
export class FakeService {
  readonly requests: string[] = [];
  idleSeconds = 120;
  /** What the server's clock is ahead of the browser's. */
  aheadMs = 0;
  endsAt = Number.POSITIVE_INFINITY;
  expiresAt = 0;
  cookieExpiresAt = 0;
  /** What is answered instead, once for each entry. */
  readonly instead: (Response | Error)[] = [];
  exposesDate = true;
  /** Whether the browser has bound the session to its device. */
  bound = false;
  /** Of the latest request. */
  init: RequestInit = {};
  /** Rejects tokens that a refresh has replaced. A test sets it to see that a request is repeated. */
  onRequest: (request: string) => void = () => {};

  constructor() {
    this.endsAt = this.now() + 43_200_000;
    this.renew();
  }

  now(): number {
    return Date.now() + this.aheadMs;
  }

  renew(): void {
    this.expiresAt = Math.min(this.now() + this.idleSeconds * 1000, this.endsAt);
    this.cookieExpiresAt = this.now() + COOKIE_MS;
  }

  /** The browser registers a key. */
  bind(): void {
    this.bound = true;
    this.idleSeconds = 900;
    this.renew();
  }

  async fetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const { url, method, credentials } = new RealRequest(input, init);
    this.init = { ...init, credentials };
    const { pathname } = new URL(url);
    const request = `${method} ${pathname}`;
    this.requests.push(request);
    this.onRequest(request);
    // As on the way to a server.
    await nextTurn();
    const reply = this.instead.shift() ?? this.#answer(request);
    if (reply instanceof Error) {
      throw reply;
    }
    Object.defineProperty(reply, 'url', { value: url });
    return reply;
  }

  #answer(request: string): Response {
    const isLive = this.now() < this.expiresAt;
    if (!isLive) {
      return new Response(null, { status: 401 });
    }
    if (this.bound && request === 'POST /refresh') {
      return Response.json({ code: 'DEVICE_PROOF_REQUIRED' }, { status: 403 });
    }
    // The browser holds a request without a cookie until it has proved the possession of the key.
    if (request === 'POST /refresh' || (this.bound && this.now() >= this.cookieExpiresAt)) {
      this.renew();
    }
    if (request === 'POST /logout') {
      this.expiresAt = 0;
    }
    const iso = (time: number) => new Date(time).toISOString();
    const view = { expiresAt: iso(this.expiresAt), endsAt: iso(this.endsAt), bound: this.bound };
    const headers = this.exposesDate ? { date: new Date(this.now()).toUTCString() } : {};
    return Response.json(view, { headers });
  }
}

/** Sets a global until the end of the test. */
function setGlobal(t: Test, name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  t.teardown(() => {
    Reflect.deleteProperty(globalThis, name);
    if (before) {
      Object.defineProperty(globalThis, name, before);
    }
  });
}

/** The parts of a browser that a page may lack. */
export interface Parts {
  readonly localStorage?: unknown;
  readonly navigator?: unknown;
  readonly BroadcastChannel?: unknown;
}

/** A window with its globals, the service, and the errors that scripts report. */
export function fakeBrowser(t: Test, parts: Parts = {}) {
  const clock = fakeClock();
  const realNow = Date.now;
  Date.now = () => clock.now;
  t.teardown(() => {
    Date.now = realNow;
  });
  const service = new FakeService();
  const window = new EventTarget();
  const document = { hidden: false, baseURI: 'https://login.example/account' };
  const reported: unknown[] = [];
  const storage = new Map<string, string>();
  const localStorage = {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  };
  const globals = {
    location: { origin: 'https://login.example' },
    document,
    localStorage,
    navigator: { locks: { request: lock() } },
    BroadcastChannel: channels(),
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
    reportError: (error: unknown) => reported.push(error),
    fetch: service.fetch.bind(service),
    setTimeout: clock.setTimeout,
    setInterval: clock.setInterval,
    clearInterval: clock.clearInterval,
    // Node knows no relative URLs.
    Request: class extends RealRequest {
      constructor(input: string | URL | Request, init?: RequestInit) {
        super(input instanceof RealRequest ? input : new URL(input, document.baseURI), init);
      }
    },
    ...parts,
  };
  for (const [name, value] of Object.entries(globals)) {
    setGlobal(t, name, value);
  }
  const emit = (type: string) => window.dispatchEvent(new Event(type));
  /** Lets seconds pass, one after the other. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      await settle();
    }
  };
  /** The clock jumps, as in a sleep or when it is set. */
  const jump = async (seconds: number) => {
    clock.advance(seconds * 1000);
    await settle();
  };
  return { service, document, reported, storage, emit, pass, jump, timers: clock.timers };
}

/** Lets everything run that waits for no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await nextTurn();
  }
}

interface Timer {
  at: number;
  readonly every: number | undefined;
  readonly run: () => void;
}

/** Timers and a clock that only move when a test says so. Like a browser, it runs an interval once for all that it missed. */
function fakeClock() {
  const timers = new Set<Timer>();
  const add = (run: () => void, ms: number, every?: number) => {
    const timer = { at: clock.now + ms, every, run };
    timers.add(timer);
    return timer;
  };
  const clock = {
    now: START,
    timers,
    setTimeout: (run: () => void, ms: number) => add(run, ms),
    setInterval: (run: () => void, ms: number) => add(run, ms, ms),
    clearInterval: (timer: Timer) => timers.delete(timer),
    advance(ms: number) {
      clock.now += ms;
      for (const timer of timers) {
        // A clock that was set back does not delay timers.
        if (timer.at <= clock.now || ms < 0) {
          timer.at = clock.now + (timer.every ?? 0);
          if (timer.every === undefined) {
            timers.delete(timer);
          }
          timer.run();
        }
      }
    },
  };
  return clock;
}

/** Web Locks: one after the other. */
function lock() {
  let last: Promise<unknown> = Promise.resolve();
  return (_name: string, work: () => Promise<unknown>) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}

/** Messages reach all other channels of the name. */
function channels() {
  const open = new Set<FakeChannel>();
  class FakeChannel extends EventTarget {
    readonly name: string;
    constructor(name: string) {
      super();
      this.name = name;
      open.add(this);
    }
    postMessage(data: unknown) {
      for (const other of open) {
        if (other !== this && other.name === this.name) {
          other.dispatchEvent(Object.assign(new Event('message'), { data: structuredClone(data) }));
        }
      }
    }
    close() {
      open.delete(this);
    }
  }
  return FakeChannel;
}
