import t, { type Test } from 'tap';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';
import { createPasswordLink } from '../../../src/users/password-link.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { attributesOf, open, submit, textOf, titleOf } from '../../helpers/pages.ts';
import { RememberingHasher } from '../../helpers/remembering-hasher.ts';
import { ANN, build, setCookies, signIn } from '../../helpers/service.ts';

const NEXT = 'another horse, a battery';
const passwords = new RememberingHasher();

async function setUp(t: Test, env: Record<string, string> = {}) {
  const users = new MemoryUserStore();
  users.create(newUser(ANN.username, await passwords.hash(ANN.password)));
  const app = await build(t, { env, userStore: users, passwords });
  const { token } = (await createPasswordLink(users, 'ann')) ?? { token: '' };
  return { app, users, token, path: `/password/link?token=${token}` };
}

t.test('the page has a form for the new password, and a look at it does not use the link up', async (t) => {
  const { app, users, token, path } = await setUp(t);
  const before = users.find('ann');
  const page = await open(app, path);
  t.equal(page.statusCode, 200);
  t.equal(titleOf(page), 'Set your password');
  t.same(attributesOf(page, 'form'), { method: 'post', action: '/password/link' });
  t.equal(attributesOf(page, 'token').value, token);
  t.match(attributesOf(page, 'newPassword'), { type: 'password', autocomplete: 'new-password', required: '' });
  t.match(page.body, 'At least 15 characters.');
  t.notMatch(page.body, /maxlength|onpaste|autocomplete="off"|role="alert"|\bann\b/i);
  t.same(users.find('ann'), before);
  t.equal((await submit(app, '/password/link', { token, newPassword: NEXT })).statusCode, 303);
});

t.test('no other site and no cache gets the address of the page', async (t) => {
  const { app, path } = await setUp(t);
  const { headers } = await open(app, path);
  t.equal(headers['referrer-policy'], 'strict-origin');
  t.equal(headers['cache-control'], 'no-store');
  t.match(headers['content-security-policy'], "default-src 'none'");
});

t.test('the page is the same for every token', async (t) => {
  const { app, token, path } = await setUp(t);
  const { body } = await open(app, path);
  for (const other of ['', 'x', `${token.slice(0, -1)}A`, 'bm9ib2R5.x']) {
    const page = await open(app, `/password/link?token=${other}`);
    t.equal(page.statusCode, 200);
    t.equal(page.body.replace(`value="${other}"`, ''), body.replace(`value="${token}"`, ''), other);
  }
  t.equal((await open(app, '/password/link')).statusCode, 200);
  t.equal((await open(app, '/password/link?token=a&token=b')).statusCode, 400);
  const hostile = await open(app, `/password/link?token=${encodeURIComponent('"><script>alert(1)</script>')}`);
  t.notMatch(hostile.body, '<script>alert');
});

t.test('after the new password the sign-in page says so, and nobody is signed in', async (t) => {
  const { app, token } = await setUp(t, { PUBLIC_URL: 'http://localhost:8080/login' });
  const done = await submit(app, '/password/link', { token, newPassword: NEXT });
  t.equal(done.statusCode, 303);
  t.equal(done.headers.location, '/login/signin?password-set');
  t.same(setCookies(done), []);
  const page = await open(app, '/signin?password-set');
  t.equal(textOf(page, 'notice'), 'Your password is set. Sign in with it.');
  const cookie = await signIn(app, { ...ANN, password: NEXT });
  const besideAnother = await open(app, '/signin?password-set', { cookie });
  t.equal(textOf(besideAnother, 'notice'), 'Your password is set. Sign in with it.');
  t.equal(
    titleOf(besideAnother),
    titleOf(page),
    'the session is one of another user, whose form to confirm is not shown',
  );
  t.equal(attributesOf(besideAnother, 'username').value, '');
  t.equal(titleOf(await open(app, '/signin', { cookie })), 'Confirm your password');
});

t.test('a password that is refused shows the form again, with the reason and the token', async (t) => {
  const { app, token } = await setUp(t);
  const refused = await submit(app, '/password/link', { token, newPassword: 'short' });
  t.equal(refused.statusCode, 400);
  t.match(titleOf(refused), /^Error: Set your password$/);
  t.match(textOf(refused, 'error'), /must have 15 or more\. Your password was not changed\./);
  t.equal(attributesOf(refused, 'token').value, token);
  t.match(attributesOf(refused, 'newPassword'), { 'aria-describedby': 'newPassword-hint error' });
  t.notMatch(refused.body, 'short');
});

t.test('every invalid link has the same page', async (t) => {
  const { app, users, token } = await setUp(t);
  const bodies = new Set<string>();
  const disabled = newUser('bob', '$hash');
  users.create(disabled);
  const ofBob = (await createPasswordLink(users, 'bob'))?.token ?? '';
  const bob = users.find('bob') ?? disabled;
  users.replace({ ...bob, disabled: true }, bob.version);
  for (const other of ['x', `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, ofBob]) {
    const page = await submit(app, '/password/link', { token: other, newPassword: NEXT });
    t.equal(page.statusCode, 403);
    t.equal(titleOf(page), 'Error: This link is not valid');
    t.match(page.body, '<a class="button" href="/">Sign in</a>');
    bodies.add(page.body);
  }
  t.equal(bodies.size, 1);
});

t.test('other failures show the form again', async (t) => {
  const { app, users, token } = await setUp(t, { SIGNIN_FAILURES_PER_ADDRESS: '1' });
  const missing = await submit(app, '/password/link', { newPassword: NEXT });
  t.equal(missing.statusCode, 400);
  t.match(textOf(missing, 'error'), /Nothing was changed/);
  const { find } = users;
  users.find = () => {
    throw new Error('down');
  };
  const outage = await submit(app, '/password/link', { token, newPassword: NEXT });
  t.equal(outage.statusCode, 503);
  t.match(textOf(outage, 'error'), /temporary problem on our side/);
  users.find = find;
  await submit(app, '/password/link', { token: 'x', newPassword: NEXT });
  const limited = await submit(app, '/password/link', { token, newPassword: NEXT });
  t.equal(limited.statusCode, 429);
  t.match(textOf(limited, 'error'), /^Too many links that are not valid\. Try again in 1[45] minutes\./);
});
