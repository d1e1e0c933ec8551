import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { commandLine, onLmdb } from '../helpers/command-line.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { ANN, build, cookieOf } from '../helpers/service.ts';
import { addUser, openTestStores } from '../helpers/users.ts';

// A user who is locked out by failures gets in after `users unlock` and after `users passwd`: on every engine, at all
// instances, also those that count failures in their own process.

const ENGINES: Record<string, (t: Test) => Promise<string | undefined> | string> = {
  lmdb: onLmdb,
  redis: async (t) => (await startRedis(t))?.url,
};

const NEXT = 'another horse, a battery';

const COMMANDS = {
  'users unlock ANN': { input: '', password: ANN.password },
  'users passwd ann': { input: NEXT, password: NEXT },
};

/** Starts two instances on one store. */
async function setUp(t: Test, storeUrl: string) {
  await addUser(await openTestStores(t, storeUrl), ANN);
  const instances = await Promise.all([0, 1].map(() => build(t, { env: { STORE_URL: storeUrl } })));
  return { instances, cli: commandLine(storeUrl) };
}

const post = (app: FastifyInstance, payload: object, headers = {}) =>
  app.inject({ method: 'POST', url: '/signin', payload, headers });

const status = async (app: FastifyInstance, payload: object, headers = {}) =>
  (await post(app, payload, headers)).statusCode;

async function fail(app: FastifyInstance, times: number, username = 'ann', headers = {}) {
  for (let i = 0; i < times; i++) {
    await post(app, { username, password: 'wrong' }, headers);
  }
}

for (const [engine, open] of Object.entries(ENGINES)) {
  for (const [command, { input, password }] of Object.entries(COMMANDS)) {
    t.test(`${engine}: "${command}" lets a locked user in at all instances`, async (t) => {
      const storeUrl = await open(t);
      if (storeUrl === undefined) {
        return;
      }
      const { instances, cli } = await setUp(t, storeUrl);
      const known = { cookie: cookieOf(await post(instances[0] as FastifyInstance, ANN), 'device_token') };
      for (const app of instances) {
        await fail(app, 10);
        await fail(app, 10, 'ann', known);
        t.equal(await status(app, ANN), 429, 'an unknown browser is limited');
        t.equal(await status(app, ANN, known), 429, 'a known browser is limited');
      }
      t.match(await cli(command, input), { code: 0 });
      for (const app of instances) {
        t.equal(await status(app, { ...ANN, password }), 200, 'an unknown browser');
        t.equal(await status(app, { ...ANN, password }, known), 200, 'a browser that was known');
      }
    });
  }

  t.test(`${engine}: a user who is locked out twice gets in twice, from the same address`, async (t) => {
    const storeUrl = await open(t);
    if (storeUrl === undefined) {
      return;
    }
    const { instances, cli } = await setUp(t, storeUrl);
    const app = instances[0] as FastifyInstance;
    for (let round = 0; round < 2; round++) {
      await fail(app, 10);
      t.equal(await status(app, ANN), 429);
      await cli('users unlock ann');
    }
    t.equal(await status(app, { ...ANN, username: 'bob' }), 429, 'the address has used up its failures for others');
    t.equal(await status(app, ANN), 200);
  });
}

t.test('after an unlock the guesses are limited as before, and failures of others still count', async (t) => {
  const { instances, cli } = await setUp(t, onLmdb(t));
  const app = instances[0] as FastifyInstance;
  await fail(app, 10);
  await cli('users unlock ann');
  await fail(app, 9);
  t.equal(await status(app, { ...ANN, password: 'wrong' }), 401, 'the tenth guess');
  t.equal(await status(app, ANN), 429, 'not the eleventh');
  const other = instances[1] as FastifyInstance;
  for (let i = 0; i < 20; i++) {
    await fail(other, 1, `user${i}`);
  }
  t.equal(await status(other, ANN), 429, 'the address has failed with twenty other names');
});
