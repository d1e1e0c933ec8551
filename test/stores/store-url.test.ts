import t from 'tap';
import { parseStoreUrl, STORE_URL_FORMS } from '../../src/stores/store-url.ts';

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
    'rediss://192.0.2.1': redis({ socket: { host: '192.0.2.1', port: 6379, tls: true } }),
    'redis+sentinel://a,b:1,[::1]/main': redis({
      kind: 'sentinel',
      members: [
        { socket: { host: 'a', port: 26_379 } },
        { socket: { host: 'b', port: 1 } },
        { socket: { host: '::1', port: 26_379 } },
      ],
      name: 'main',
      primary: { tls: false },
    }),
    'rediss+sentinel://ann:p%40ss@a/my%20main?db=2&sentinelUsername=bob&sentinelPassword=p%26w': redis({
      kind: 'sentinel',
      members: [
        {
          socket: { host: 'a', port: 26_379, tls: true, servername: 'a' },
          username: 'bob',
          password: 'p&w',
        },
      ],
      name: 'my main',
      primary: { tls: true, username: 'ann', password: 'p@ss', database: 2 },
    }),
    'redis+cluster://a,b:1': redis({
      kind: 'cluster',
      members: [{ socket: { host: 'a', port: 6379 } }, { socket: { host: 'b', port: 1 } }],
      name: '',
      primary: { tls: false },
    }),
    'rediss+cluster://:pw@a/': redis({
      kind: 'cluster',
      members: [{ socket: { host: 'a', port: 6379, tls: true, servername: 'a' }, password: 'pw' }],
      name: '',
      primary: { tls: true, password: 'pw' },
    }),
  };
  for (const [url, location] of Object.entries(cases)) {
    t.strictSame(parseStoreUrl(url), location, url);
  }
});

t.test('the forms name all parameters', async (t) => {
  for (const name of ['db', 'sentinelUsername', 'sentinelPassword']) {
    t.match(STORE_URL_FORMS, `${name}=`);
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
    'redis+sentinel://host',
    'redis+sentinel://host/',
    'redis+sentinel:///main',
    'redis+sentinel://host,/main',
    'redis+sentinel://host:port/main',
    'redis+sentinel://host/main/1',
    'redis+sentinel://host/main?db=x',
    'redis+sentinel://host/main?database=1',
    'redis+sentinel://host/main#1',
    'redis+cluster://',
    'redis+cluster://host,',
    'redis+cluster://host/1',
    'redis+cluster://host?db=1',
    'redis+nodes://host',
    'redis+sentinel://a,b,a/main',
    'redis+sentinel://a,b,A:26379/main',
    'redis+sentinel://[::1],[0:0:0:0:0:0:0:1]/main',
    'redis+cluster://a,a:6379',
  ];
  for (const url of wrong) {
    t.throws(() => parseStoreUrl(url), TypeError, url);
  }
});
