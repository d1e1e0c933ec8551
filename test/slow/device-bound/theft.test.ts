import { generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Device, LONG, startBoundSite } from '../../helpers/device-bound.ts';
import { type Reply, type Thief, thiefOf } from './thief.ts';

// A thief has copied everything that the browser has sent. The key of the browser is not in it.

/** The token is good for 6 seconds. The thief uses it sooner, also on a busy machine. */
const SIX_SECONDS = { SESSION_IDLE_SECONDS: '6' };

const PROOF_HEADER = 'secure-session-response';

/** The reply refuses the refresh and sets no cookie. A browser that gets a challenge with it keeps its session. */
function refused(t: Test, { status, head, body }: Reply, what: string, { challenge = true } = {}): void {
  t.equal(status, 403, what);
  t.match(body, '"code":"DEVICE_PROOF_REQUIRED"', what);
  t.notMatch(head, /^set-cookie/im, what);
  t.equal(/^secure-session-challenge: "[^"]+";id="[^"]+"\r?$/im.test(head), challenge, what);
}

/** The owner uses the app, and the browser has not lost its session. */
async function ownerGoesOn(t: Test, owner: Device): Promise<void> {
  await owner.cookieExpired();
  t.equal(await owner.welcome(), '200 Welcome user1!', 'the owner goes on after the expiry');
  await owner.forgetCookie();
  t.equal(await owner.welcome(), '200 Welcome user1!', 'and after one more refresh');
  t.same(owner.ends, []);
}

/** The challenge in a reply, signed by a key of the thief. */
function forgedProof({ head }: Reply): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [, jti] = /^secure-session-challenge: "([^"]+)"/im.exec(head) ?? [];
  const jwk = publicKey.export({ format: 'jwk' });
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'ES256', typ: 'dbsc+jwt', jwk })}.${encode({ jti })}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** Resolves once the cookie is refused. */
async function untilRefused(thief: Thief, cookie: string): Promise<Reply> {
  for (;;) {
    const reply = await thief('GET', '/welcome', `Cookie: ${cookie}`);
    if (reply.status !== 200) {
      return reply;
    }
    await sleep(100);
  }
}

t.test('a stolen cookie', async (t) => {
  const site = await startBoundSite(t, SIX_SECONDS);
  const thief = site && thiefOf(t, site.origin);
  if (site === undefined || thief === undefined) {
    return;
  }

  t.test('works until it expires, and cannot be refreshed', async (t) => {
    const owner = await site.open(t);
    const id = await owner.signIn();
    const stolen = `Cookie: ${await owner.cookie()}`;
    t.match(await thief('GET', '/welcome', stolen), { status: 200, body: 'Welcome user1!' });
    refused(t, await thief('POST', '/refresh', stolen), 'the refresh of pages', { challenge: false });
    const early = await thief('POST', '/refresh', stolen, `Sec-Secure-Session-Id: ${id}`);
    t.equal(early.status, 200);
    t.notMatch(early.head, /^set-cookie/im, 'a good token is not replaced');

    const late = await untilRefused(thief, stolen.slice('Cookie: '.length));
    t.match(late, { status: 401, body: '"code":"NOT_SIGNED_IN"' });
    t.equal((await thief('POST', '/refresh', stolen)).status, 401);
    refused(t, await thief('POST', '/refresh', stolen, `Sec-Secure-Session-Id: ${id}`), 'the refresh of browsers');
    await ownerGoesOn(t, owner);
    t.equal((await thief('GET', '/welcome', stolen)).status, 401, 'the refresh of the owner does not help');
  });

  t.test('cannot be refreshed with a proof that the browser has sent, or with another key', async (t) => {
    const owner = await site.open(t);
    const id = await owner.signIn();
    await owner.forgetCookie();
    await owner.welcome();
    const proof = site.front.wire.all.findLast(({ headers }) => headers[PROOF_HEADER] !== undefined);
    const stolen = `Cookie: ${await owner.cookie()}`;
    const target = `Sec-Secure-Session-Id: ${id}`;
    const recorded = `${PROOF_HEADER}: ${proof?.headers[PROOF_HEADER]}`;
    t.match(proof, { status: 200, headers: { 'sec-secure-session-id': id } });
    const replayed = await thief('POST', '/refresh', stolen, target, recorded);
    refused(t, replayed, 'a used proof');
    refused(t, await thief('POST', '/refresh', target, recorded), 'a used proof without the cookie');
    const forged = `${PROOF_HEADER}: ${forgedProof(replayed)}`;
    refused(t, await thief('POST', '/refresh', stolen, target, forged), 'a proof by another key');
    t.match(await site.server.logged('"reason":"wrong signature"'), '"event":"device_bound_refused"');
    await ownerGoesOn(t, owner);
  });
});

t.test('a thief', async (t) => {
  const site = await startBoundSite(t, LONG);
  const thief = site && thiefOf(t, site.origin);
  if (site === undefined || thief === undefined) {
    return;
  }

  t.test('cannot register a key for the session of another', async (t) => {
    const owner = await site.open(t);
    const from = site.front.wire.all.length;
    await owner.signIn();
    const registration = site.front.wire.all
      .slice(from)
      .find(({ headers }) => headers[PROOF_HEADER] !== undefined && !headers['sec-secure-session-id']);
    const recorded = `${PROOF_HEADER}: ${registration?.headers[PROOF_HEADER]}`;
    for (const headers of [[], [`Cookie: ${await owner.cookie()}`]]) {
      const reply = await thief('POST', '/refresh', recorded, ...headers);
      t.match(reply, { status: 403, body: '"code":"DEVICE_KEY_REFUSED"' });
      t.notMatch(reply.head, /^set-cookie/im);
    }
    const offer = site.front.wire.all[from]?.replyHeaders['secure-session-registration'];
    const [, challenge] = /challenge="([^"]+)"/.exec(String(offer)) ?? [];
    const own = forgedProof({ status: 403, head: `secure-session-challenge: "${challenge}"`, body: '' });
    t.equal((await thief('POST', '/refresh', `${PROOF_HEADER}: ${own}`)).status, 403);
    await owner.forgetCookie();
    t.equal(await owner.welcome(), '200 Welcome user1!');
  });

  t.test('ends no session with an old token', async (t) => {
    const owner = await site.open(t);
    const signedIn = owner.events.next('a registration', ({ what }) => what === 'created');
    const from = site.front.wire.all.length;
    await owner.call('POST', '/signin', { username: 'user1', password: 'password1' });
    const [unbound = ''] = site.front.wire.all[from]?.replyHeaders['set-cookie'] ?? [];
    await signedIn;
    await owner.forgetCookie();
    await owner.welcome();
    const stolen = `Cookie: ${unbound.split(';', 1)[0]}`;
    for (const path of ['/welcome', '/session', '/welcome']) {
      await thief('GET', path, stolen);
    }
    const refresh = await thief('POST', '/refresh', stolen);
    t.ok([401, 403].includes(refresh.status), `the token of the sign-in is refused: ${refresh.status}`);
    t.notMatch(refresh.head, /^set-cookie/im);
    await owner.forgetCookie();
    t.equal(await owner.welcome(), '200 Welcome user1!');
    t.same(owner.ends, []);
  });
});
