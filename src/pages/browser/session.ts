/**
 * The session client: it keeps the session of a signed-in user alive while the user is there. It works in pages of the
 * service, in pages of apps on the same origin, and in pages of trusted origins.
 *
 * All times come from replies of the server. Only differences of the browser's clock are used, so that clock may be wrong.
 * Every request has a timeout of ten seconds. One page has one client: the state is in variables of this module.
 */

/** What is left of the session. */
export interface TimeLeft {
  /** The seconds until the session ends, rounded up. Never negative. */
  readonly secondsLeft: number;
  /** `false` if the session ends at its absolute deadline (`endsAt`). The user must then sign in again. */
  readonly canExtend: boolean;
  /** Refreshes the session. Failures are reported to `onError` and retried. */
  extend(): void;
}

/** A failed request. Without `reply` there was none: the network failed, or the service did not answer in time. */
export interface SessionError extends Error {
  readonly reply?: Response;
}

/** An error that a callback throws is reported with `reportError` and has no other effect. */
export interface KeepAliveOptions {
  /**
   * The address of the service, such as `https://login.example.com` or `/auth`. It applies to all functions of this module.
   * Default: the folder of this file if it was loaded as `session.js` from the service, otherwise the origin of the page.
   */
  readonly baseUrl?: string | URL;
  /**
   * Called every second while the session is about to end: for the last quarter of the idle time, but at least 5 and at most 60
   * seconds. Called with `null` when that is over, because the session was extended or has ended.
   */
  readonly onExpiring?: (time: TimeLeft | null) => void;
  /** Called every second with what is left of the session, for a display. */
  readonly onTick?: (time: TimeLeft) => void;
  /**
   * Called once if there is no session: it has expired, the user has signed out in a tab, or somebody has revoked it. The client
   * has stopped then. Call `keepAlive` again after a sign-in.
   */
  readonly onEnded?: () => void;
  /**
   * Called for each failed request. The client repeats it after a pause that doubles up to 30 seconds, or after `Retry-After`.
   */
  readonly onError?: (error: SessionError) => void;
}

/** What tabs tell each other. Times are milliseconds of the browser's clock. */
interface Known {
  /** When the session ends: never later than on the server. */
  readonly deadline: number;
  /** How long the session lasts after a refresh, in milliseconds. */
  readonly idle: number;
  /** When the user last did something in a page of the site. */
  readonly active: number;
  /** Whether a refresh moves the deadline. */
  readonly canExtend: boolean;
  /** Whether the session is bound to its device. Then only the browser can refresh it. It does so while it holds a request. */
  readonly bound?: boolean;
}

const NOTHING: Known = { deadline: 0, idle: 0, active: 0, canExtend: false };
/** Methods that are safe to repeat (RFC 9110, section 9.2.2). */
const IDEMPOTENT = /^(GET|HEAD|PUT|DELETE|OPTIONS)$/;
/** Not `scroll`, because scripts scroll, too. A user who drags a scroll bar or touches the screen sends `pointerdown`. */
const EVENTS = ['pointerdown', 'keydown', 'wheel', 'visibilitychange'];

/** The service serves this file at `{base}/session.js`. In the package its path ends with `/browser/session.js`. */
let [base] = /^(?!.*\/pages\/browser\/).*\/(?=session\.js(\?|$))|$/.exec(import.meta.url) as RegExpExecArray;
/** `undefined` while no client runs. */
let options: KeepAliveOptions | undefined;
let known = NOTHING;
/** 1: ask the server before anything else, as after a sleep. 2: the latest reply was a 401, and the next one confirms it. */
let asks = 0;
let failures = 0;
let nextTry = 0;
let tickedAt = 0;
let busy = false;
let extending = false;
let warned = false;
let timer: ReturnType<typeof setInterval> | undefined;
let channel: BroadcastChannel | undefined;

const urlOf = (path = '') => new URL(base + path, location.origin).href;
/** The name of the lock, the channel and the entry in the storage. */
const nameOf = () => `session-cookie-login ${urlOf()}`;

/** Storage and channels may be missing or blocked. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Other code may have changed the entry. */
const load = () => attempt((): Known => JSON.parse(localStorage.getItem(nameOf()) as string)) ?? NOTHING;
const openChannel = () => attempt(() => new BroadcastChannel(nameOf()));

/** @throws SessionError unless the reply is a success or a 401. */
async function send(path: string): Promise<Response> {
  const method = path === 'session' ? 'GET' : 'POST';
  const reply = await fetch(urlOf(path), { method, credentials: 'include', signal: AbortSignal.timeout(10000) });
  if (!reply.ok && reply.status !== 401) {
    // DEVICE_PROOF_REQUIRED: the browser has bound the session since the latest reply.
    if ((await reply.clone().text()).includes('DEVICE_PROOF')) {
      return send('session');
    }
    throw Object.assign(new Error(`${reply.status} ${reply.url}`), { reply });
  }
  return reply;
}

/** Runs `work` while no other tab does. */
async function exclusive<T>(work: () => Promise<T>): Promise<T> {
  let running: Promise<T> | undefined;
  try {
    return await navigator.locks.request(nameOf(), () => (running = work()));
  } catch {
    // `work` has failed. Or there are no Web Locks, which need HTTPS and a storage that is not blocked.
    return running ?? withLease(work);
  }
}

/** Two tabs may take the lease at the same moment. Then one of their refreshes is rejected, and checked. */
async function withLease<T>(work: () => Promise<T>): Promise<T> {
  const name = `${nameOf()} lease`;
  // A tab that was closed has not removed its lease. It expires when the request of that tab has.
  do {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
  } while (attempt(() => Math.abs(Date.now() - Number(localStorage.getItem(name))) < 10000));
  attempt(() => localStorage.setItem(name, String(Date.now())));
  return work().finally(() => attempt(() => localStorage.removeItem(name)));
}

function notify<T>(callback: ((value: T) => void) | undefined, value: T): void {
  new Promise<void>((resolve) => resolve(callback?.(value))).catch((error) => reportError(error));
}

function adopt(other: Known): void {
  const { active } = other.active > known.active ? other : known;
  known = { ...(other.deadline > known.deadline ? other : known), active };
}

function share(changes: Partial<Known>): void {
  known = { ...known, ...changes };
  attempt(() => localStorage.setItem(nameOf(), JSON.stringify(known)));
  channel?.postMessage(known);
}

function isDue(): boolean {
  const { deadline, idle, active, canExtend } = known;
  const now = Date.now();
  const wasUsed = active > deadline - idle && active <= now;
  // A visible tab is first. Most hidden tabs then have nothing to do.
  return canExtend && (extending || (wasUsed && deadline - now < idle * (document.hidden ? 0.35 : 0.4)));
}

async function update(refresh: boolean): Promise<void> {
  adopt(load());
  if (refresh && !isDue()) {
    return;
  }
  const sentAt = Date.now();
  const reply = await send(refresh && !known.bound ? 'refresh' : 'session');
  if (!reply.ok) {
    if (asks > 1) {
      announceSignOut();
    }
    // A page of another origin may have replaced the token at the same moment.
    asks = 2;
    nextTry = sentAt + 1000;
    return;
  }
  const { expiresAt, endsAt, bound } = await reply.json();
  const left = Date.parse(expiresAt) - Date.parse(reply.headers.get('date') as string);
  if (!(left > 0)) {
    throw new Error(`No session or no Date header: ${reply.url}`);
  }
  asks = 0;
  extending = false;
  const canExtend = expiresAt !== endsAt;
  const idle = refresh && canExtend ? left : Math.max(known.idle, left);
  // `Date` has no fractions of a second.
  share({ deadline: sentAt + left - 1000, idle, canExtend, bound });
}

async function ask(refresh: boolean): Promise<void> {
  busy = true;
  try {
    await exclusive(() => update(refresh));
    failures = 0;
  } catch (error) {
    const retryAfter = Number((error as SessionError).reply?.headers.get('retry-after')) * 1000 || 0;
    nextTry = Date.now() + Math.max(retryAfter, Math.random() * Math.min(30000, 1000 * 2 ** ++failures));
    notify(options?.onError, error as SessionError);
  }
  busy = false;
}

function tick(): void {
  const now = Date.now();
  // The computer has slept, the browser has stopped the timers of this tab, or the clock was set.
  if (Math.abs(now - tickedAt - 1000) > 4000) {
    asks ||= 1;
    nextTry = 0;
  }
  tickedAt = now;
  const left = known.deadline - now;
  if (options && !busy && now >= nextTry) {
    // With renewal by activity, a request just before the deadline would extend the session.
    const checks = asks > 1 || left < -2000 || (asks > 0 && !document.hidden);
    if (checks || isDue()) {
      ask(!checks);
    }
  }
  if (!asks) {
    show(left);
  }
}

function show(left: number): void {
  const time = { secondsLeft: Math.max(0, Math.ceil(left / 1000)), canExtend: known.canExtend, extend };
  const expires = left < Math.max(5000, Math.min(60000, known.idle / 4));
  notify(options?.onTick, time);
  if (expires || warned) {
    notify(options?.onExpiring, expires ? time : null);
  }
  warned = expires;
}

function extend(): void {
  extending = true;
  nextTry = 0;
  tick();
}

function onEvent({ type }: Event): void {
  const active = Date.now();
  if (document.hidden) {
    return;
  }
  adopt(load());
  if (Math.abs(active - known.active) > 1000) {
    share({ active });
  }
  if (type === 'visibilitychange') {
    wake();
  }
}

/** The next tick counts as late. */
function wake(): void {
  tickedAt = 0;
  tick();
}

function stop(): void {
  clearInterval(timer);
  channel?.close();
  channel = options = undefined;
  for (const type of EVENTS) {
    removeEventListener(type, onEvent, true);
  }
}

function end(): void {
  const ended = options;
  stop();
  if (warned) {
    notify(ended?.onExpiring, null);
  }
  notify(ended?.onEnded, undefined);
}

/**
 * Refreshes the session while somebody uses a page of the site, in this tab or another one: after 60 % of the idle time, if
 * there was a click, a key, a turn of the wheel or a return to the tab since the last refresh. Without that it does not, and
 * `onExpiring` warns. All tabs of an origin together send one refresh. A second call replaces the first one.
 *
 * It sends `GET /session` once at the start, and again when the computer wakes up or the tab becomes visible. A 429, a 503, any
 * other error and a lost network never end the session.
 *
 * A session that is bound to its device is refreshed by `GET /session`: the browser holds the request until it has a new cookie.
 */
export function keepAlive(given: KeepAliveOptions = {}): { stop(): void } {
  stop();
  base = `${given.baseUrl ?? base}`.replace(/\/?$/, '/');
  options = given;
  known = NOTHING;
  adopt(load());
  asks = failures = 0;
  warned = extending = false;
  channel = openChannel();
  channel?.addEventListener('message', ({ data }) => (data ? adopt(data) : end()));
  for (const type of EVENTS) {
    addEventListener(type, onEvent, true);
  }
  timer = setInterval(tick, 1000);
  wake();
  return { stop };
}

/**
 * `fetch` for requests that need the session. Requests to the origin of the service are sent with cookies.
 *
 * A request that was rejected with 401 is sent once more if the session is live: a refresh in another tab has then replaced
 * its token. Only GET, HEAD, PUT, DELETE and OPTIONS are sent again. The reply is a 401 if nobody is signed in.
 * @throws SessionError if the service cannot tell that (429, 503). TypeError without a network, as `fetch` does.
 */
export async function fetchWithSession(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  let request = new Request(input, init);
  if (request.url.startsWith(new URL('/', urlOf()).href)) {
    request = new Request(request, { credentials: 'include' });
  }
  const again = IDEMPOTENT.test(request.method) && request.clone();
  const reply = await fetch(request);
  if (reply.status !== 401 || !again) {
    return reply;
  }
  // Waits for a refresh that is running.
  if ((await exclusive(() => send('session'))).ok) {
    return fetch(again);
  }
  asks = 2;
  return reply;
}

/**
 * Signs the user out, in all tabs.
 * @throws SessionError if the service rejects it: the user may still be signed in. TypeError without a network.
 */
export async function signOut(): Promise<void> {
  await send('logout');
  announceSignOut();
}

/**
 * Tells all clients of the origin, without a request, that the user has signed out.
 * @internal
 */
export function announceSignOut(): void {
  const other = openChannel();
  other?.postMessage(null);
  other?.close();
  end();
}
