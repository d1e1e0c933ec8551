import t from 'tap';
import { MemorySessionStore } from '../../../src/stores/memory/session-store.ts';
import { attributesOf, open, submit, textOf, titleOf } from '../../helpers/pages.ts';
import { build, cookieOf, setCookies, signIn, stubStore, USER1, welcome } from '../../helpers/service.ts';

const NEW = 'a horse, a battery';
const CHANGE = { username: 'user1', currentPassword: USER1.password, newPassword: NEW };

t.test('the form is made for password managers', async (t) => {
  const app = await build(t);
  const response = await open(app, '/account', { cookie: await signIn(app) });
  t.match(response.body, /<form method="post" action="\/password">/);
  t.match(attributesOf(response, 'username'), { value: 'user1', autocomplete: 'username', hidden: '', readonly: '' });
  t.match(attributesOf(response, 'currentPassword'), { type: 'password', autocomplete: 'current-password' });
  t.match(attributesOf(response, 'newPassword'), {
    type: 'password',
    autocomplete: 'new-password',
    'aria-describedby': 'newPassword-hint',
  });
  t.match(response.body, /<p class="hint" id="newPassword-hint">At least 15 characters\./);
});

t.test('the password is changed, all other sessions end, and the account page says so', async (t) => {
  const app = await build(t);
  const other = await signIn(app);
  const cookie = await signIn(app);
  const response = await submit(app, '/password', CHANGE, { cookie });
  t.equal(response.statusCode, 303);
  t.equal(response.headers.location, '/account?done=password');
  t.equal(await welcome(app, cookieOf(response)), 200);
  t.equal(await welcome(app, other), 401);
  const page = await open(app, '/account?done=password', { cookie: cookieOf(response) });
  t.match(textOf(page, 'notice'), /Your password is changed/);
  t.equal((await submit(app, '/signin', USER1)).statusCode, 401);
  t.equal((await submit(app, '/signin', { ...USER1, password: NEW })).statusCode, 303);
});

t.test('a failure shows the account page with the message beside its field', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  for (const [fields, status, field, message] of [
    [
      { currentPassword: 'wrong' },
      403,
      'currentPassword',
      /^The current password is wrong\. Your password was not changed\.$/,
    ],
    [
      { newPassword: 'short' },
      400,
      'newPassword',
      /^The password has 5 characters; .* Your password was not changed\.$/,
    ],
    [{ newPassword: 'my name is user1, hello' }, 400, 'newPassword', /must not contain the user&#39;s name/],
  ] as const) {
    const response = await submit(app, '/password', { ...CHANGE, ...fields }, { cookie });
    t.equal(response.statusCode, status);
    t.equal(titleOf(response), 'Error: Your account');
    t.match(new RegExp(`id="${field}-error">([^<]*)<`).exec(response.body)?.[1], message);
    const { 'aria-invalid': invalid, 'aria-describedby': describedBy, autofocus } = attributesOf(response, field);
    t.same([invalid, describedBy?.split(' ')[0], autofocus], ['true', `${field}-error`, '']);
    t.match(response.body, /data-self="\/account"/, 'the address of the form is no page');
    t.notMatch(response.body, /password1|my name is/);
    t.same(setCookies(response), []);
  }
  t.equal(await welcome(app, cookie), 200);
});

t.test('too many wrong passwords are told with the wait in words', async (t) => {
  const app = await build(t, { env: { SIGNIN_FAILURES_PER_USER: '1', SIGNIN_FAILURE_WINDOW_SECONDS: '7200' } });
  const cookie = await signIn(app);
  const wrong = { ...CHANGE, currentPassword: 'wrong' };
  t.equal((await submit(app, '/password', wrong, { cookie })).statusCode, 403);
  const response = await submit(app, '/password', wrong, { cookie });
  t.equal(response.statusCode, 429);
  t.equal(textOf(response, 'error'), 'Too many wrong passwords. Try again in 2 hours. Your password was not changed.');
});

t.test('fields that are missing or malformed are 400 on the account page', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  for (const fields of [{}, { currentPassword: 'x' }, { ...CHANGE, currentPassword: 'a'.repeat(1025) }]) {
    const response = await submit(app, '/password', fields as Record<string, string>, { cookie });
    t.equal(response.statusCode, 400);
    t.equal(titleOf(response), 'Error: Your account');
    t.match(textOf(response, 'error'), /Nothing was changed/);
  }
  const broken = await app.inject({
    method: 'POST',
    url: '/password',
    payload: 'newPassword=%ff',
    headers: { cookie, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
  });
  t.equal(broken.statusCode, 400);
  t.equal((await app.inject('/livez')).statusCode, 200);
});

t.test('if the sessions cannot be listed either, that error has a page', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  let isDown = false;
  const listByUser: typeof inner.listByUser = (owner) => {
    if (isDown) {
      throw new Error('down');
    }
    return inner.listByUser(owner);
  };
  const app = await build(t, { sessionStore: stubStore(inner, { listByUser }) });
  const cookie = await signIn(app);
  isDown = true;
  const response = await submit(app, '/password', { ...CHANGE, currentPassword: 'wrong' }, { cookie });
  t.equal(response.statusCode, 503);
  t.equal(titleOf(response), 'Error: The service does not answer');
  t.equal(response.headers['retry-after'], '1');
  t.same(setCookies(response), []);
});

t.test('if the store fails after the change, the page tells which password is valid then', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const removeByUser = () => Promise.reject(new Error('down'));
  const app = await build(t, { sessionStore: stubStore(inner, { removeByUser }) });
  const cookie = await signIn(app);
  const response = await submit(app, '/password', CHANGE, { cookie });
  t.equal(response.statusCode, 503);
  t.equal(titleOf(response), 'Error: Your account');
  t.match(textOf(response, 'error'), /If your current password is refused/);
  t.same(setCookies(response), []);
  t.equal((await open(app, '/account', { cookie })).statusCode, 200);
});

t.test('the same if the list of sessions fails as well', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  let isDown = false;
  const ifUp = async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (isDown) {
      throw new Error('down');
    }
    return work();
  };
  const store = stubStore(inner, {
    removeByUser: (owner, keep) => ifUp(() => inner.removeByUser(owner, keep)),
    listByUser: (owner) => ifUp(() => inner.listByUser(owner)),
  });
  const app = await build(t, { sessionStore: store });
  const cookie = await signIn(app);
  isDown = true;
  const changed = await submit(app, '/password', CHANGE, { cookie });
  t.equal(changed.statusCode, 503);
  t.match(changed.body, /If your current password is refused from now on, the new one is valid/);
  const refused = await submit(app, '/password', { ...CHANGE, currentPassword: 'wrong' }, { cookie });
  t.equal(refused.statusCode, 503, 'the page of a wrong password needs the list');
  t.match(refused.body, /Nobody was signed out/);
});
