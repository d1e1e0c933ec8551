import t from 'tap';
import { parseStoreUrl } from '../../src/stores/store-url.ts';

const redis = (server: object) => ({ engine: 'redis', server });

t.test('an address names an engine and where it is', async (t) => {
  const cases: Record<string, object> = {
    'memory:': { engine: 'memory' },
    'lmdb:./data': { engine: 'lmdb', path: './data' },
    'lmdb:/var/lib/login data': { engine: 'lmdb', path: '/var/lib/login data' },
    'redis://host': redis({ socket: { host: 'host', port: 6379 } }),
    'redis://host:6380/3': redis({ socket: { host: 'host', port: 6380 }, database: 3 }),
    'redis://[::1]/': redis({ socket: { host: '::1', port: 6379 } }),
    'redis://:p%40ss@host': redis({ socket: { host: 'host', port: 6379 }, password: 'p@ss' }),
    'redis://ann:pw@host': redis({ socket: { host: 'host', port: 6379 }, username: 'ann', password: 'pw' }),
    'rediss://host': redis({ socket: { host: 'host', port: 6379, tls: true, servername: 'host' } }),
    'redis+unix:///run/redis.sock': redis({ socket: { path: '/run/redis.sock' } }),
    'redis+unix://ann:pw@/run/a%20b.sock?db=2': redis({
      socket: { path: '/run/a b.sock' },
      username: 'ann',
      password: 'pw',
      database: 2,
    }),
  };
  for (const [url, location] of Object.entries(cases)) {
    t.strictSame(parseStoreUrl(url), location, url);
  }
});

t.test('anything else is refused', async (t) => {
  const wrong = [
    '',
    'memory',
    'memory:x',
    'lmdb:',
    'redis:',
    'redis://',
    'redis://host/db',
    'redis://host/1/2',
    'redis://host?db=1',
    'redis://host#1',
    'redis://host:port',
    'redis+unix://',
    'redis+unix:///',
    'redis+unix://host/path',
    'redis+unix:///path?database=1',
    'redis+unix:///path?db=x',
    'http://host',
  ];
  for (const url of wrong) {
    t.throws(() => parseStoreUrl(url), TypeError, url);
  }
});
