import t from 'tap';
import { commandLine, onLmdb, rows } from '../helpers/command-line.ts';
import { startServer } from '../helpers/server-process.ts';
import { record } from '../helpers/service.ts';
import { openTestStores } from '../helpers/users.ts';

const GOOD = 'a horse, a battery';

t.test('what it does is done on a running server, too (ASVS 7.4.5)', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  await cli('users add ann', GOOD);
  const { port } = await startServer(t, { STORE_URL: url });
  const signIn = async (password = GOOD) => {
    const response = await fetch(`http://127.0.0.1:${port}/signin`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'ann', password }),
    });
    return { status: response.status, cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
  };
  const welcome = async ({ cookie }: { cookie: string }) =>
    (await fetch(`http://127.0.0.1:${port}/welcome`, { headers: { cookie } })).status;

  const sessions = [await signIn(), await signIn(), await signIn()];
  const [first, second] = rows((await cli('sessions list --json')).out);
  t.same(
    Object.keys(first),
    ['id', 'username', 'createdAt', 'expiresAt', 'endsAt', 'address', 'device', 'bound'],
    'no hash',
  );
  t.match(await cli(`sessions revoke ${first.id}`), { code: 0, out: 'Ended 1 session.\n' });
  t.match(await cli(`sessions revoke ${first.id}`), {
    code: 1,
    err: `The session "${first.id}" does not exist.\n`,
  });
  const left = sessions.filter(({ cookie }) => !cookie.includes(first.id));
  t.same(await Promise.all(left.map(welcome)), [200, 200]);
  t.match((await cli('sessions list --user ann')).out, second.id);
  t.match((await cli('sessions list --user ANN')).out, second.id, 'another spelling of the name');
  t.match(await cli('sessions list --user bob'), {
    code: 0,
    out: 'id\tusername\tcreatedAt\texpiresAt\tendsAt\taddress\tdevice\tbound\n',
  });
  t.match(await cli('sessions list --user bob --json'), { code: 0, out: '' });
  t.match(await cli('sessions revoke --user bob'), { code: 0, out: 'Ended 0 sessions.\n' });
  t.match(await cli('sessions revoke --user Ann'), { code: 0, out: 'Ended 2 sessions.\n' });
  t.same(await Promise.all(sessions.map(welcome)), [401, 401, 401]);

  const before = await signIn();
  t.match(await cli('users passwd ann', 'another horse, a battery'), { out: /ended 1 session\.\n$/ });
  t.equal(await welcome(before), 401);
  t.equal((await signIn()).status, 401);
  const after = await signIn('another horse, a battery');
  t.equal(await welcome(after), 200);
  await cli('users disable ann');
  t.equal(await welcome(after), 401);
  t.equal((await signIn('another horse, a battery')).status, 401);
  await cli('users enable ann');
  const last = await signIn('another horse, a battery');
  t.match(await cli('sessions revoke --all --json'), { code: 0, out: '{"ended":1}\n' });
  t.equal(await welcome(last), 401);
});

t.test('only live sessions are listed', async (t) => {
  const url = onLmdb(t);
  const { sessions } = await openTestStores(t, url);
  const now = Date.now();
  await sessions.create(record({ id: 'live', expiresAt: now + 60_000, endsAt: now + 60_000 }));
  await sessions.create(record({ id: 'over', expiresAt: now - 1, endsAt: now + 60_000 }));
  t.same(
    rows((await commandLine(url)('sessions list --json')).out).map(({ id }) => id),
    ['live'],
  );
});

t.test('the list tells which sessions are bound to their devices', async (t) => {
  const url = onLmdb(t);
  const { sessions } = await openTestStores(t, url);
  const times = { expiresAt: Date.now() + 60_000, endsAt: Date.now() + 60_000 };
  await sessions.create(record({ id: 'bound', bound: true, ...times }));
  await sessions.create(record({ id: 'other', ...times }));
  const bound = rows((await commandLine(url)('sessions list --json')).out).map((row) => [row.id, row.bound]);
  t.same(bound.sort(), [
    ['bound', true],
    ['other', false],
  ]);
});
