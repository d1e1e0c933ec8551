import { spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

// What each guide of docs/embedding.md promises, requested from its app in examples/guides.

const ANN = { username: 'ann', password: 'a horse, a battery, a staple' };
/** The client that `@fastify/websocket` brings. Node 20 has none. */
const { WebSocket } = createRequire(import.meta.resolve('@fastify/websocket'))('ws');

/**
 * Starts Node with these arguments. Resolves with the URLs that it prints, one a line, and stops it at the end of the test.
 */
export async function startApps(t: Test, cwd: string, args: readonly string[], count = 1, env = {}): Promise<string[]> {
  const [command = '', ...words] = args;
  const child = spawn(command, words, {
    cwd,
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  t.teardown(async () => {
    child.kill();
    await closed;
  });
  const urls: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    urls.push(line);
    if (urls.length === count) {
      return urls;
    }
  }
  throw new Error(`${args.join(' ')} ended after ${urls.length} of ${count} URLs`);
}

/** A browser that keeps cookies and does not follow redirects. */
class Client {
  readonly #cookies = new Map<string, string>();
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  get headers(): { cookie: string } {
    return { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') };
  }

  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...this.headers, ...(init.headers as Record<string, string>) };
    const response = await fetch(this.#origin + path, { redirect: 'manual', ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }

  post(path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    const json = body && { body: JSON.stringify(body) };
    const type = body && { 'content-type': 'application/json' };
    return this.send(path, { method: 'POST', ...json, headers: { ...type, ...headers } });
  }

  /** Sends a form, as a browser does. */
  submit(path: string, fields: Record<string, string> = {}): Promise<Response> {
    return this.send(path, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
    });
  }

  async signIn(t: Test, path = '/auth/signin', username = ANN.username): Promise<this> {
    t.equal((await this.post(path, { ...ANN, username })).status, 200);
    return this;
  }
}

const redirect = ({ status, headers }: Response) => [status, headers.get('location')];

async function serverRendered(t: Test, url: string): Promise<void> {
  const browser = new Client(url);
  t.match(await (await browser.send('/')).text(), /Hello guest/);
  t.same(redirect(await browser.submit('/cart')), [303, '/signin']);
  t.match(await (await browser.send('/signin')).text(), /<form method="post" action="\/signin">/);
  const refused = await browser.submit('/signin', { username: 'ann', password: 'wrong' });
  t.equal(refused.status, 401);
  t.match(await refused.text(), /Wrong username or password/);
  t.same(redirect(await browser.submit('/signin', ANN)), [303, '/']);
  t.same(redirect(await browser.submit('/cart')), [303, '/']);
  const page = await browser.send('/');
  t.equal(page.headers.get('cache-control'), 'no-store');
  t.match(await page.text(), /Added a tea\..*Hello ann\. Teas in your cart: 1/);
  t.notMatch(await (await browser.send('/')).text(), /Added a tea/, 'the message is shown once');
  t.equal((await browser.post('/cart', undefined, { 'sec-fetch-site': 'cross-site' })).status, 403);
  t.same(redirect(await browser.submit('/signout')), [303, '/']);
  t.match(await (await browser.send('/')).text(), /Hello guest/);
}

async function singlePage(t: Test, url: string): Promise<void> {
  const browser = new Client(url);
  t.match(await (await browser.send('/')).text(), /<script type="module">/);
  t.equal((await browser.send('/api/notes')).status, 401);
  await browser.signIn(t);
  t.same(await (await browser.send('/api/notes')).json(), { notes: 'the notes of ann' });
  t.equal((await browser.post('/auth/refresh')).status, 200);

  const origin = 'https://app.example.com';
  const sibling = { origin, 'sec-fetch-site': 'same-site' };
  const preflight = await browser.send('/auth/refresh', {
    method: 'OPTIONS',
    headers: { ...sibling, 'access-control-request-method': 'POST' },
  });
  t.equal(preflight.headers.get('access-control-allow-origin'), origin);
  const refreshed = await browser.post('/auth/refresh', undefined, sibling);
  t.equal(refreshed.status, 200);
  t.equal(refreshed.headers.get('access-control-allow-credentials'), 'true');
  const other = { origin: 'https://evil.example.com', 'sec-fetch-site': 'same-site' };
  const refused = await browser.post('/auth/refresh', undefined, other);
  t.equal(refused.status, 403);
  t.equal(refused.headers.get('access-control-allow-origin'), null);

  t.equal((await browser.post('/auth/logout')).status, 200);
  t.equal((await browser.send('/api/notes')).status, 401);
}

/** Opens a socket. Rejects with the status if the server refuses the handshake. */
async function open(url: string, headers: object) {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  const refused = once(socket, 'unexpected-response').then(([request, response]) => {
    request.destroy();
    throw new Error(response.statusCode);
  });
  await Promise.race([once(socket, 'open'), refused]);
  return socket;
}

async function webSocket(t: Test, url: string): Promise<void> {
  const browser = await new Client(url).signIn(t);
  await t.rejects(open(`${url}/chat`, { origin: url }), { message: '401' });
  await t.rejects(open(`${url}/chat`, { ...browser.headers, origin: 'https://evil.example' }), { message: '403' });

  const socket = await open(`${url}/chat`, { ...browser.headers, origin: url });
  t.equal((await browser.post('/auth/refresh')).status, 200, 'the socket outlives a refresh');
  const answered = once(socket, 'message');
  socket.send('hello');
  t.equal(String((await answered)[0]), 'ann: hello');
  const closed = once(socket, 'close');
  t.equal((await browser.post('/auth/logout')).status, 200);
  const [code, reason] = await closed;
  t.same([code, String(reason)], [1008, 'The session has ended.']);
}

async function twoAreas(t: Test, url: string): Promise<void> {
  const browser = new Client(url);
  t.equal((await browser.post('/admin/signin', ANN)).status, 401, 'a customer is not staff');
  await browser.signIn(t, '/shop/signin');
  t.equal(await (await browser.send('/shop/orders')).text(), 'the orders of ann');
  t.equal((await browser.send('/admin/report')).status, 401);
  const forged = browser.headers.cookie.replace('shop_session', 'admin_session');
  t.equal((await new Client(url).send('/admin/report', { headers: { cookie: forged } })).status, 401);

  await browser.signIn(t, '/admin/signin', 'root');
  t.equal(await (await browser.send('/admin/report')).text(), 'a report for root');
  t.equal((await browser.post('/admin/logout')).status, 200);
  t.equal((await browser.send('/admin/report')).status, 401);
  t.equal((await browser.send('/shop/orders')).status, 200, 'the other area stays signed in');
}

/** The app prints the link in place of its URL. */
async function oneTimeLink(t: Test, link: string): Promise<void> {
  const { origin, pathname } = new URL(link);
  const browser = new Client(origin);
  t.equal((await browser.send('/')).status, 401);
  t.match(await (await browser.send(pathname)).text(), /<form method="post"><button>Sign in/);
  t.equal((await browser.post(pathname, undefined, { 'sec-fetch-site': 'cross-site' })).status, 403);
  t.same(redirect(await browser.submit(pathname)), [303, '/'], 'a GET request does not use the link up');
  t.match(await (await browser.send('/')).text(), /Hello ann.*action="\/signout"/);
  t.equal((await new Client(origin).submit(pathname)).status, 410, 'a link works once');
  t.equal((await browser.submit('/signout')).status, 200);
  t.equal((await browser.send('/')).status, 401);
}

/** What a browser sends to bind a session: a JWT that a new key signs. */
function proofOfNewKey(challenge: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });
  const parts = [{ typ: 'dbsc+jwt', alg: 'ES256', jwk }, { jti: challenge }];
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

async function deviceBound(t: Test, url: string): Promise<void> {
  const browser = new Client(url);
  const bySite = { 'sec-fetch-site': 'same-origin' };
  const signedIn = await browser.post('/signin', ANN, bySite);
  t.equal(signedIn.status, 200);
  const [, path = '', challenge = ''] =
    /^\(ES256\);path="(.+)";challenge="(.+)"$/.exec(signedIn.headers.get('secure-session-registration') ?? '') ?? [];
  t.equal(path, '/session/refresh');
  t.same(await (await browser.send('/me')).json(), { name: 'ann', bound: false });
  const refused = await browser.post('/payments');
  t.equal(refused.status, 403);
  t.match(await refused.json(), { code: 'BOUND_SESSION_REQUIRED' });
  t.match(await (await browser.post(path, undefined, bySite)).json(), { expiresAt: Number }, 'a refresh by the page');

  const proof = proofOfNewKey(challenge);
  const registered = await browser.post(path, undefined, { ...bySite, 'secure-session-response': proof });
  t.equal(registered.status, 200);
  t.match(await registered.json(), {
    session_identifier: String,
    refresh_url: path,
    scope: { include_site: false },
    credentials: [
      { type: 'cookie', name: '__Host-session_token', attributes: 'Path=/; HttpOnly; Secure; SameSite=Lax' },
    ],
  });
  t.same(await (await browser.send('/me')).json(), { name: 'ann', bound: true });
  t.equal(await (await browser.post('/payments')).text(), 'a payment of ann');
  t.equal((await browser.post(path, undefined, bySite)).status, 403, 'not by the page any more');
  t.equal((await browser.post('/signout', undefined, bySite)).status, 200);
  t.equal((await browser.send('/me')).status, 401);
}

/** Each guide that is an app, and the test of its promise. */
export const guides = {
  'one-time-link': oneTimeLink,
  'server-rendered': serverRendered,
  'single-page': singlePage,
  websocket: webSocket,
  'two-areas': twoAreas,
  'device-bound': deviceBound,
};

/** Signs in, changes the password and signs in again. */
export async function changePassword(t: Test, url: string, next: string): Promise<void> {
  const browser = await new Client(url).signIn(t);
  t.match(await (await browser.send('/me')).json(), { name: 'ann', id: /^[\da-f-]{36}$/ });
  const passwords = { currentPassword: ANN.password, newPassword: next };
  t.equal((await browser.post('/auth/password', passwords)).status, 200);
  t.equal((await new Client(url).post('/auth/signin', ANN)).status, 401);
  t.equal((await new Client(url).post('/auth/signin', { ...ANN, password: next })).status, 200);
}

export const signInStatus = async (url: string, password: string) =>
  (await new Client(url).post('/auth/signin', { ...ANN, password })).status;
