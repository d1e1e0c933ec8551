import t, { type Test } from 'tap';
import type { KeepAliveOptions, SessionError, TimeLeft } from '../../../src/pages/browser/session.ts';
import * as client from '../../../src/pages/browser/session.ts';
import { type Client, fakeBrowser, openTab, type Parts, settle } from './fake-browser.ts';

const KEY = 'session-cookie-login https://login.example/';

/** A tab that keeps the session alive, and what it was told. */
async function start(
  t: Test,
  browser: ReturnType<typeof fakeBrowser>,
  options: KeepAliveOptions = {},
  tab: Client = client,
) {
  const told = {
    expiring: [] as (TimeLeft | null)[],
    ticks: [] as TimeLeft[],
    ended: 0,
    errors: [] as SessionError[],
  };
  const { stop } = tab.keepAlive({
    onExpiring: (time) => told.expiring.push(time),
    onTick: (time) => told.ticks.push(time),
    onEnded: () => {
      told.ended++;
    },
    onError: (error) => told.errors.push(error),
    ...options,
  });
  t.teardown(stop);
  await settle();
  return { told, stop, requests: browser.service.requests };
}

async function open(t: Test, parts?: Parts, options?: KeepAliveOptions) {
  const browser = fakeBrowser(t, parts);
  return { ...browser, ...(await start(t, browser, options)) };
}

/** The requests since the last call. */
const taken = (requests: string[]) => requests.splice(0);

t.test('it asks once, and refreshes after 60 % of the idle time if the user did something', async (t) => {
  const { service, requests, told, emit, pass } = await open(t);
  t.same(taken(requests), ['GET /session']);
  t.equal(service.init.credentials, 'include');
  t.ok(service.init.signal, 'with a timeout');
  await pass(10);
  emit('pointerdown');
  await pass(60);
  t.same(taken(requests), [], 'not before');
  await pass(5);
  t.same(taken(requests), ['POST /refresh']);
  for (const type of ['keydown', 'wheel', 'visibilitychange']) {
    await pass(5);
    emit(type);
    await pass(75);
    t.same(
      taken(requests).filter((request) => request.startsWith('POST')),
      ['POST /refresh'],
      type,
    );
  }
  t.equal(told.ended, 0);
  t.same(told.expiring, []);
  t.same(told.errors, []);
  t.ok(told.ticks.every(({ secondsLeft }) => secondsLeft > 30 && secondsLeft <= 120));
});

t.test('without activity it warns, counts down, and ends after the server has confirmed it twice', async (t) => {
  const { requests, told, pass, timers } = await open(t);
  taken(requests);
  await pass(88);
  t.same(told.expiring, []);
  await pass(31);
  const seconds = told.expiring.map((time) => time?.secondsLeft);
  t.same(seconds.slice(0, 3), [29, 28, 27]);
  t.same(seconds.at(-1), 0);
  t.ok(told.expiring.every((time) => time?.canExtend));
  t.same(taken(requests), [], 'nothing is sent');
  await pass(5);
  t.same(taken(requests), ['GET /session', 'GET /session']);
  t.equal(told.ended, 1);
  t.equal(told.expiring.at(-1), null);
  await pass(100);
  t.same(taken(requests), [], 'it has stopped');
  t.equal(timers.size, 0);
});

t.test('a click on the warning extends the session', async (t) => {
  const { requests, told, pass } = await open(t);
  await pass(100);
  taken(requests);
  told.expiring.at(-1)?.extend();
  await settle();
  t.same(taken(requests), ['POST /refresh']);
  await pass(2);
  t.equal(told.expiring.at(-1), null, 'the warning is over');
  t.equal(told.expiring.filter((time) => time === null).length, 1);
  t.ok((told.ticks.at(-1)?.secondsLeft ?? 0) > 115);
});

t.test('a session that is at its absolute end is not refreshed and cannot be extended', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.endsAt = browser.service.now() + 100_000;
  browser.service.renew();
  const { requests, told } = await start(t, browser);
  taken(requests);
  for (let second = 0; second < 95; second++) {
    browser.emit('pointerdown');
    await browser.pass(1);
  }
  told.expiring.at(-1)?.extend();
  await browser.pass(1);
  t.same(taken(requests), []);
  t.equal(told.expiring.at(-1)?.canExtend, false);
  await browser.pass(20);
  t.equal(told.ended, 1);
});

t.test('the refresh before the absolute end keeps the idle time', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.endsAt = browser.service.now() + 130_000;
  const { requests, told } = await start(t, browser);
  await browser.pass(5);
  browser.emit('keydown');
  await browser.pass(70);
  t.same(taken(requests), ['GET /session', 'POST /refresh']);
  t.equal(told.ticks.at(-1)?.canExtend, false);
  await browser.pass(26);
  t.equal(told.expiring.length, 2, 'it warns a quarter of the idle time before, not of what was left');
});

for (const hours of [-5, 5]) {
  t.test(`the clock of the browser may be wrong by ${hours} hours`, async (t) => {
    const browser = fakeBrowser(t);
    browser.service.aheadMs = hours * 3_600_000;
    browser.service.endsAt += browser.service.aheadMs;
    browser.service.renew();
    const { requests, told } = await start(t, browser);
    browser.emit('pointerdown');
    await browser.pass(80);
    t.same(taken(requests), ['GET /session', 'POST /refresh']);
    t.ok(told.ticks.every(({ secondsLeft }) => secondsLeft > 40 && secondsLeft <= 120));
    await browser.pass(130);
    t.equal(told.ended, 1);
  });
}

t.test('after a sleep it asks first, and warns of nothing before', async (t) => {
  const { service, requests, told, jump, pass } = await open(t);
  taken(requests);
  service.expiresAt += 3_600_000;
  await jump(3000);
  t.same(taken(requests), ['GET /session']);
  t.same(told.expiring, []);
  await pass(10);
  t.same(taken(requests), []);
  t.equal(told.ended, 0);
  await jump(4000);
  await pass(2);
  t.same(taken(requests), ['GET /session', 'GET /session']);
  t.equal(told.ended, 1);
});

t.test('a clock that is set back or forward does not disturb it', async (t) => {
  const { service, requests, told, jump, pass, emit } = await open(t);
  for (const hours of [-3, 4]) {
    taken(requests);
    emit('pointerdown');
    service.aheadMs -= hours * 3_600_000;
    await jump(hours * 3600);
    t.same(taken(requests), ['GET /session'], `${hours} hours`);
    t.ok((told.ticks.at(-1)?.secondsLeft ?? 0) <= 120);
    emit('keydown');
    await pass(75);
    t.same(taken(requests), ['POST /refresh']);
  }
  // An activity in the future is none.
  service.aheadMs += 3_600_000;
  await jump(-3600);
  taken(requests);
  await pass(125);
  t.equal(told.ended, 1);
  t.notOk(taken(requests).includes('POST /refresh'));
});

t.test('errors of the service and the network are retried with growing pauses, and end nothing', async (t) => {
  const { service, requests, told, emit, pass } = await open(t);
  const failures = [503, 429, 500, 403, 0].flatMap((status) =>
    [1, 2].map(() => (status === 0 ? new TypeError('Failed to fetch') : new Response(null, { status }))),
  );
  service.idleSeconds = 3600;
  service.renew();
  emit('visibilitychange');
  await settle();
  taken(requests);
  emit('keydown');
  service.instead.push(...failures);
  await pass(2500);
  const sent = taken(requests);
  t.equal(sent.length, failures.length + 1);
  t.equal(told.errors.length, failures.length);
  t.same(
    told.errors.map(({ reply }) => reply?.status),
    [503, 503, 429, 429, 500, 500, 403, 403, undefined, undefined],
  );
  t.equal(told.errors[0]?.message, '503 https://login.example/refresh');
  t.equal(told.ended, 0);
});

t.test('it never sends requests fast while the service fails', async (t) => {
  const { service, requests, told, pass, emit } = await open(t);
  service.fetch = () => Promise.reject(new TypeError('Failed to fetch'));
  globalThis.fetch = (input) => {
    requests.push(String(input));
    return Promise.reject(new TypeError('Failed to fetch'));
  };
  taken(requests);
  await pass(1000);
  t.ok(requests.length > 30 && requests.length < 250, `${requests.length} requests in 1000 seconds`);
  t.equal(told.ended, 0);
  emit('keydown');
  t.equal(told.errors.length, requests.length);
});

t.test('Retry-After is obeyed', async (t) => {
  const { service, requests, pass, emit, told } = await open(t);
  emit('pointerdown');
  service.instead.push(new Response(null, { status: 503, headers: { 'retry-after': '20' } }));
  await pass(74);
  t.same(taken(requests), ['GET /session', 'POST /refresh']);
  await pass(17);
  t.same(taken(requests), []);
  await pass(3);
  t.same(taken(requests), ['POST /refresh']);
  // A click does not wait.
  service.instead.push(new Response(null, { status: 503, headers: { 'retry-after': '3600' } }));
  told.ticks.at(-1)?.extend();
  await settle();
  told.ticks.at(-1)?.extend();
  await settle();
  t.same(taken(requests), ['POST /refresh', 'POST /refresh']);
});

t.test('a refresh that was rejected is checked before anything ends', async (t) => {
  const { service, requests, told, emit, pass } = await open(t);
  emit('pointerdown');
  service.instead.push(new Response(null, { status: 401 }));
  await pass(72);
  t.same(taken(requests), ['GET /session', 'POST /refresh']);
  // A page of another origin has refreshed.
  service.renew();
  await pass(2);
  t.same(taken(requests), ['GET /session']);
  await pass(10);
  t.same(taken(requests), []);
  t.equal(told.ended, 0);
  // The operator ends the session.
  service.expiresAt = 0;
  told.ticks.at(-1)?.extend();
  await pass(3);
  t.same(taken(requests), ['POST /refresh', 'GET /session']);
  t.equal(told.ended, 1);
});

t.test('without a session onEnded is called once', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.expiresAt = 0;
  const { told, requests } = await start(t, browser);
  await browser.pass(5);
  t.equal(told.ended, 1);
  t.same(taken(requests), ['GET /session', 'GET /session']);
  t.same(told.expiring, []);
  t.same(told.ticks, []);
});

t.test('an answer that is no session is an error', async (t) => {
  const { service, requests, told, pass, emit } = await open(t);
  service.exposesDate = false;
  emit('visibilitychange');
  await settle();
  t.match(told.errors, [{ message: 'No session or no Date header: https://login.example/session' }]);
  service.exposesDate = true;
  service.instead.push(new Response('<h1>Accept the terms of this network</h1>'));
  await pass(3);
  t.equal(told.errors.length, 2);
  t.equal(told.errors[1]?.name, 'SyntaxError');
  t.equal(told.ended, 0);
  await pass(5);
  t.equal(taken(requests).length, 4);
});

t.test('errors of callbacks are reported and change nothing', async (t) => {
  const fail = () => {
    throw new Error('of the app');
  };
  const { service, reported, requests, pass } = await open(
    t,
    {},
    { onTick: fail, onExpiring: async () => fail(), onEnded: fail, onError: fail },
  );
  service.instead.push(new TypeError('Failed to fetch'));
  await pass(130);
  t.ok(reported.length > 120);
  t.ok(reported.every((error) => (error as Error).message === 'of the app'));
  t.same(taken(requests).slice(-2), ['GET /session', 'GET /session']);
  const { ended } = (await start(t, { ...fakeBrowser(t) }, {})).told;
  t.equal(ended, 0, 'it can be started again');
});

t.test('callbacks are optional', async (t) => {
  const { service, emit, pass, requests } = fakeBrowser(t) as ReturnType<typeof fakeBrowser> & { requests?: string[] };
  t.equal(requests, undefined);
  const { stop } = client.keepAlive();
  service.instead.push(new TypeError('Failed to fetch'));
  await pass(5);
  emit('pointerdown');
  await pass(300);
  t.same([...new Set(service.requests)], ['GET /session', 'POST /refresh']);
  stop();
});

t.test('a hidden tab leaves the work to others, but does it if nobody else does', async (t) => {
  const { service, document, requests, told, emit, pass, jump } = await open(t);
  emit('pointerdown');
  document.hidden = true;
  emit('visibilitychange');
  emit('pointerdown');
  await pass(73);
  t.same(taken(requests), ['GET /session'], 'a visible tab would have refreshed');
  await pass(6);
  t.same(taken(requests), ['POST /refresh']);
  // Browsers run the timers of hidden tabs once a minute.
  service.expiresAt += 3_600_000;
  await jump(60);
  t.same(taken(requests), [], 'no request for a tab that nobody sees');
  document.hidden = false;
  emit('visibilitychange');
  await settle();
  t.same(taken(requests), ['GET /session']);
  t.equal(told.ended, 0);
});

t.test('two tabs refresh once, and tell each other', async (t) => {
  const browser = fakeBrowser(t);
  const first = await start(t, browser);
  const second = await start(t, browser, {}, await openTab());
  t.same(taken(first.requests), ['GET /session', 'GET /session']);
  browser.emit('pointerdown');
  await browser.pass(300);
  t.same(
    taken(first.requests).filter((request) => request === 'POST /refresh'),
    ['POST /refresh'],
  );
  t.ok(first.told.ended === 1 && second.told.ended === 1, 'without more activity the session ends in both');
});

for (const parts of [
  { navigator: {} },
  { navigator: { locks: { request: () => Promise.reject(new Error('blocked')) } } },
]) {
  t.test('without Web Locks two tabs coordinate by the storage', async (t) => {
    const browser = fakeBrowser(t, parts);
    const first = await start(t, browser);
    const second = await start(t, browser, {}, await openTab());
    await browser.pass(3);
    browser.emit('pointerdown');
    await browser.pass(80);
    const refreshes = taken(first.requests).filter((request) => request === 'POST /refresh').length;
    t.equal(refreshes, 1);
    t.same([first.told.ended, second.told.ended], [0, 0]);
    t.notOk(browser.storage.has(`${KEY} lease`), 'the lease is returned');
  });
}

t.test('without Web Locks a request waits for that of another tab, but not for ever', async (t) => {
  const browser = fakeBrowser(t, { navigator: {} });
  // The tab was closed during its request.
  browser.storage.set(`${KEY} lease`, String(Date.now()));
  const { requests } = await start(t, browser);
  await browser.pass(8);
  t.same(taken(requests), []);
  await browser.pass(5);
  t.same(taken(requests), ['GET /session']);
  // The clock was set back meanwhile.
  browser.storage.set(`${KEY} lease`, String(Date.now() + 3_600_000));
  browser.emit('visibilitychange');
  await browser.pass(2);
  t.same(taken(requests), ['GET /session']);
});

const blocked = () => {
  throw new DOMException('blocked', 'SecurityError');
};

for (const parts of [
  { localStorage: undefined, BroadcastChannel: undefined, navigator: {} },
  { localStorage: { getItem: blocked, setItem: blocked }, BroadcastChannel: blocked, navigator: {} },
]) {
  t.test('without storage, channels and locks each tab works alone', async (t) => {
    const { requests, told, emit, pass } = await open(t, parts);
    await pass(2);
    emit('pointerdown');
    await pass(80);
    t.same(taken(requests), ['GET /session', 'POST /refresh']);
    await client.signOut();
    t.equal(told.ended, 1);
    t.same(told.errors, []);
  });
}

t.test('what other code has written to the storage does no harm', async (t) => {
  for (const text of ['{', '"text"', '1', 'null', '[]', '{"deadline":"never","active":"now"}']) {
    const browser = fakeBrowser(t);
    browser.storage.set(KEY, text);
    const { requests, told, stop } = await start(t, browser);
    browser.emit('pointerdown');
    await browser.pass(80);
    t.match(taken(requests), ['GET /session'], text);
    t.equal(told.ended, 0);
    stop();
  }
});

t.test('a sign-out ends all tabs at once', async (t) => {
  const browser = fakeBrowser(t);
  const first = await start(t, browser);
  const second = await start(t, browser, {}, await openTab());
  await client.signOut();
  t.same([first.told.ended, second.told.ended], [1, 1]);
  t.same(taken(first.requests), ['GET /session', 'GET /session', 'POST /logout']);
  await browser.pass(5);
  t.same(taken(first.requests), []);
  // Somebody else has ended the session: there is no cookie any more.
  browser.service.instead.push(new Response(null, { status: 401 }));
  await client.signOut();
});

t.test('a sign-out that fails rejects, and ends nothing', async (t) => {
  const { service, told } = await open(t);
  service.instead.push(new Response(null, { status: 503 }));
  await t.rejects(client.signOut(), { message: '503 https://login.example/logout', reply: { status: 503 } });
  service.instead.push(new TypeError('Failed to fetch'));
  await t.rejects(client.signOut(), TypeError);
  t.equal(told.ended, 0);
});

t.test('stop stops, and a second keepAlive replaces the first', async (t) => {
  const browser = fakeBrowser(t);
  const first = await start(t, browser);
  const second = await start(t, browser);
  await client.signOut();
  t.same([first.told.ended, second.told.ended], [0, 1]);
  browser.service.renew();
  const third = await start(t, browser);
  taken(third.requests);
  third.stop();
  browser.emit('pointerdown');
  browser.emit('online');
  await browser.pass(200);
  t.same(taken(third.requests), []);
  t.equal(third.told.ended, 0);
  t.equal(browser.timers.size, 0);
});

t.test('a bound session is refreshed by GET /session, and never by POST /refresh', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.bind();
  const { requests, told } = await start(t, browser);
  for (let minute = 0; minute < 60; minute++) {
    browser.emit('pointerdown');
    await browser.pass(60);
  }
  const sent = taken(requests);
  t.same([...new Set(sent)], ['GET /session']);
  t.ok(sent.length >= 6 && sent.length <= 9, `${sent.length} requests in an hour`);
  t.same([told.ended, told.expiring, told.errors], [0, [], []]);
  t.ok(told.ticks.every(({ secondsLeft, canExtend }) => secondsLeft > 350 && canExtend));
});

t.test('a click on the warning extends a bound session', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.bind();
  const { requests, told } = await start(t, browser);
  await browser.pass(835);
  t.same(told.expiring, []);
  await browser.pass(10);
  t.ok(told.expiring.at(-1)?.canExtend);
  told.expiring.at(-1)?.extend();
  await browser.pass(2);
  t.equal(told.expiring.at(-1), null);
  t.ok((told.ticks.at(-1)?.secondsLeft ?? 0) > 890);
  await browser.pass(910);
  t.equal(told.ended, 1, 'without activity it ends');
  t.same([...new Set(taken(requests))], ['GET /session']);
});

t.test('a session that the browser binds after the first reply goes on without an error', async (t) => {
  const { service, requests, told, emit, pass } = await open(t);
  t.same(taken(requests), ['GET /session']);
  service.bind();
  emit('pointerdown');
  await pass(75);
  t.same(taken(requests), ['POST /refresh', 'GET /session']);
  emit('pointerdown');
  await pass(600);
  t.same(taken(requests), ['GET /session']);
  t.same([told.ended, told.expiring, told.errors], [0, [], []]);
});

t.test('a sign-in without a key after a bound session is refreshed by POST /refresh', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.bind();
  const { requests, told } = await start(t, browser);
  Object.assign(browser.service, { bound: false, idleSeconds: 120 });
  browser.service.renew();
  browser.emit('visibilitychange');
  await browser.pass(75);
  t.same(taken(requests).slice(0, 3), ['GET /session', 'GET /session', 'POST /refresh']);
  t.equal(told.ended, 0);
});

t.test('two tabs of a bound session send one request', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.bind();
  const first = await start(t, browser);
  await start(t, browser, {}, await openTab());
  taken(first.requests);
  await browser.pass(100);
  browser.emit('pointerdown');
  await browser.pass(500);
  t.same(taken(first.requests), ['GET /session']);
});

t.test('a bound session that the browser could not refresh is asked for again, and does not end', async (t) => {
  const browser = fakeBrowser(t);
  browser.service.bind();
  const { requests, told } = await start(t, browser);
  browser.emit('pointerdown');
  taken(requests);
  browser.service.instead.push(Response.json({ code: 'SESSION_NOT_REFRESHED' }, { status: 503 }));
  await browser.pass(550);
  t.same(taken(requests), ['GET /session', 'GET /session']);
  t.same(
    told.errors.map(({ reply }) => reply?.status),
    [503],
  );
  t.match(await told.errors[0]?.reply?.json(), { code: 'SESSION_NOT_REFRESHED' }, 'the app can read the reply');
  browser.service.expiresAt = 0;
  told.ticks.at(-1)?.extend();
  await browser.pass(3);
  t.same(taken(requests), ['GET /session', 'GET /session']);
  t.equal(told.ended, 1);
});

t.test('the service may be below a path or elsewhere', async (t) => {
  for (const [baseUrl, path] of [
    ['/auth', '/auth/session'],
    ['/auth/', '/auth/session'],
    ['https://other.example', '/session'],
    [new URL('https://login.example/'), '/session'],
  ] as const) {
    const browser = fakeBrowser(t);
    const { requests, stop } = await start(t, browser, { baseUrl });
    t.same(taken(requests), [`GET ${path}`]);
    t.match([...browser.storage.keys()], [`session-cookie-login ${new URL(baseUrl, 'https://login.example')}`]);
    stop();
  }
});

/** The status of each request of an app, with a session whose token is replaced during the first one. */
async function fetchRotated(t: Test, input: string | URL | Request, init?: RequestInit) {
  const { service } = fakeBrowser(t);
  service.instead.push(new Response(null, { status: 401 }));
  const reply = await client.fetchWithSession(input, init);
  return { status: reply.status, requests: service.requests, credentials: service.init.credentials };
}

t.test('fetchWithSession repeats a request whose token was replaced meanwhile', async (t) => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'delete']) {
    const body = method === 'PUT' ? { body: 'text' } : {};
    const { status, requests, credentials } = await fetchRotated(t, '/api/notes', { method, ...body });
    const request = `${method.toUpperCase()} /api/notes`;
    t.same(requests, [request, 'GET /session', request]);
    t.equal(status, 200);
    t.equal(credentials, 'include');
  }
  const request = await fetchRotated(t, new Request('https://login.example/api/notes'));
  t.equal(request.status, 200);
  const elsewhere = await fetchRotated(t, new URL('https://api.example/notes'));
  t.equal(elsewhere.credentials, 'same-origin', 'other origins get no cookies');
});

t.test('fetchWithSession does not repeat what is not safe to repeat, or did not fail', async (t) => {
  for (const method of ['POST', 'PATCH']) {
    const { status, requests } = await fetchRotated(t, '/api/notes', { method, body: 'text' });
    t.same(requests, [`${method} /api/notes`]);
    t.equal(status, 401);
  }
  const { service } = fakeBrowser(t);
  t.equal((await client.fetchWithSession('/api/notes')).status, 200);
  t.same(service.requests, ['GET /api/notes']);
});

t.test('fetchWithSession confuses "not signed in" and "cannot tell" never', async (t) => {
  const { service, told, pass } = await open(t);
  service.instead.push(new Response(null, { status: 401 }), new Response(null, { status: 503 }));
  await t.rejects(client.fetchWithSession('/api/notes'), { message: /^503 /, reply: { status: 503 } });
  service.instead.push(new Response(null, { status: 401 }), new TypeError('Failed to fetch'));
  await t.rejects(client.fetchWithSession('/api/notes'), TypeError);
  t.equal(told.ended, 0);
  service.expiresAt = 0;
  t.equal((await client.fetchWithSession('/api/notes')).status, 401);
  await pass(2);
  t.equal(told.ended, 1, 'the pages are told');
});
