import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { build, stubStore } from '../helpers/service.ts';

t.test('a service that runs says so, and is ready when its store answers', async (t) => {
  const app = await build(t);
  for (const url of ['/livez', '/readyz']) {
    const response = await app.inject(url);
    t.equal(response.statusCode, 200);
    t.same(response.json(), { status: 'ok' });
    t.equal(response.headers['cache-control'], 'no-store');
  }
});

const down = () => {
  throw new Error('down');
};
const failures = {
  throws: down,
  rejects: async () => down(),
  // Waits for real: the bound is a timer of the process.
  'never answers': () => new Promise<never>(() => {}),
};

for (const [how, ping] of Object.entries(failures)) {
  t.test(`when its store ${how}, it runs and is not ready`, async (t) => {
    const sessionStore = stubStore(new MemorySessionStore(), { ping });
    const app = await build(t, { sessionStore, env: { STORE_TIMEOUT_MS: '50' } });
    t.equal((await app.inject('/livez')).statusCode, 200);
    const response = await app.inject('/readyz');
    t.match(response.json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
    t.match(response.headers['retry-after'], /^\d+$/);
  });
}
