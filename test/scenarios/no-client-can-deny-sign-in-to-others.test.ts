import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { PasswordHasher, type VerifyOptions } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { build, cookieOf } from '../helpers/service.ts';

// Rule 8 of the design: no single client can take all hashes. One fills the queue, with right or with wrong passwords.
// A known browser and a stranger from another network are still served within a few hashes.

const PASSWORD = 'a horse, a battery';

/** Computes one hash at a time, with places for 20 more. Until `open` is called, the first hash waits. */
class GatedHasher extends PasswordHasher {
  calls = 0;
  open = () => {};
  #gate: Promise<void> | undefined;

  constructor() {
    super({ concurrency: 1, maxWaiting: 20 });
  }

  close(): void {
    this.calls = 0;
    this.#gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  override verify(passwordHash: string, password: string, options: VerifyOptions = {}): Promise<boolean> {
    this.calls++;
    return super.verify(passwordHash, password, {
      ...options,
      beforeVerify: async () => {
        await this.#gate;
        await options.beforeVerify?.();
      },
    });
  }

  async isCalled(times: number): Promise<void> {
    while (this.calls < times) {
      await new Promise(setImmediate);
    }
  }
}

interface Attempt {
  readonly username: string;
  readonly password?: string;
  readonly from: string;
  readonly cookie?: string;
}

function signInAs(app: FastifyInstance, { username, password = PASSWORD, from, cookie }: Attempt) {
  const headers = { 'x-forwarded-for': from, ...(cookie !== undefined && { cookie }) };
  return app.inject({ method: 'POST', url: '/signin', payload: { username, password }, headers });
}

async function setUp(t: Test) {
  const passwords = new GatedHasher();
  const userStore = new MemoryUserStore();
  for (const username of ['ann', 'bob', 'mallory']) {
    userStore.create(newUser(username, await passwords.hash(PASSWORD)));
  }
  const app = await build(t, { passwords, userStore, env: { TRUST_PROXY: 'loopback' } });
  const device = cookieOf(await signInAs(app, { username: 'ann', from: '203.0.113.1' }), 'device_token');
  return { app, passwords, device };
}

/** Sends the attempts of an attacker and then two sign-ins of others. Returns the statuses in the order of the replies. */
async function compete(t: Test, attempts: readonly Attempt[]) {
  const { app, passwords, device } = await setUp(t);
  const replies: [who: string, status: number][] = [];
  const send = async (who: string, attempt: Attempt) => {
    replies.push([who, (await signInAs(app, attempt)).statusCode]);
  };
  passwords.close();
  const all = attempts.map((attempt) => send('attacker', attempt));
  await passwords.isCalled(attempts.length);
  all.push(send('stranger', { username: 'bob', from: '198.51.100.1' }));
  all.push(send('known browser', { username: 'ann', from: '198.51.100.2', cookie: device }));
  await passwords.isCalled(attempts.length + 2);
  passwords.open();
  await Promise.all(all);
  return replies;
}

function assertServed(t: Test, replies: [who: string, status: number][]) {
  const busy = replies.filter(([, status]) => status === 503);
  const served = replies.filter(([, status]) => status !== 503);
  t.equal(served.length, 21, 'one that runs and 20 that wait');
  t.same(new Set(busy.map(([who]) => who)), new Set(['attacker']));
  for (const who of ['stranger', 'known browser']) {
    const index = served.findIndex(([one]) => one === who);
    t.match(served[index], [who, 200]);
    t.ok(index <= 6, `the ${who} waits for ${index} hashes`);
  }
}

const FLOODS: Record<string, (i: number) => Attempt> = {
  'one account signs in again and again': () => ({ username: 'mallory', from: '192.0.2.1' }),
  'one account signs in from many networks': (i) => ({ username: 'mallory', from: `192.${i}.2.1` }),
  'one address tries many names': (i) => ({ username: `name${i}`, from: '192.0.2.1' }),
  'many networks of one /48 try twenty names each': (i) => ({
    username: `name${i}`,
    from: `2001:db8:1:${Math.floor(i / 20)}::1`,
  }),
  'the addresses of one /24 try a name each': (i) => ({ username: `name${i}`, from: `192.0.2.${i}` }),
};

for (const [title, flood] of Object.entries(FLOODS)) {
  t.test(`${title}: others are served within a few hashes`, async (t) => {
    assertServed(
      t,
      await compete(
        t,
        Array.from({ length: 200 }, (_, i) => flood(i)),
      ),
    );
  });
}

t.test('the known browser of one account cannot deny sign-in either', async (t) => {
  const { app, passwords, device } = await setUp(t);
  passwords.close();
  const attempts = Array.from({ length: 100 }, () =>
    signInAs(app, { username: 'ann', from: '192.0.2.1', cookie: device }),
  );
  await passwords.isCalled(100);
  const stranger = signInAs(app, { username: 'bob', from: '198.51.100.1' });
  await passwords.isCalled(101);
  passwords.open();
  t.equal((await stranger).statusCode, 200);
  const statuses = (await Promise.all(attempts)).map(({ statusCode }) => statusCode);
  t.equal(statuses.filter((status) => status === 200).length, 20);
  t.equal(statuses.filter((status) => status === 503).length, 80);
});
