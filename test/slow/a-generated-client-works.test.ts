import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import openapiTypeScript, { astToString } from 'openapi-typescript';
import t, { type Test } from 'tap';
import { run, startServer } from '../helpers/server-process.ts';

// A client of openapi-fetch with the types that openapi-typescript generates from the document: it is type-checked and then
// run against the service.

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
const OPTIONS = '--ignoreConfig --strict --module nodenext --target es2022 --lib es2022,dom --types node'.split(' ');

/** The client. The lines below `@ts-expect-error` must not compile: they prove that the types say something. */
const CLIENT = `
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

type Session = components['schemas']['Session'];
type ListedSession = components['schemas']['ListedSession'];
type ErrorReply = components['schemas']['Error'];

// fetch of Node keeps no cookies.
let cookie = '';
const fetchWithCookie = async (request: Request) => {
  if (cookie !== '') request.headers.set('cookie', cookie);
  const response = await fetch(request);
  const [line] = response.headers.getSetCookie();
  if (line !== undefined) cookie = line.split(';')[0] ?? '';
  return response;
};
const client = createClient<paths>({ baseUrl: process.argv[2] ?? '', fetch: fetchWithCookie });

const refused = await client.POST('/signin', { body: { username: 'user1', password: 'wrong' } });
const error: ErrorReply | undefined = refused.error;
assert.equal(error?.code, 'SIGN_IN_REFUSED');
// @ts-expect-error There is no such code.
assert.notEqual(error?.code, 'NO_CODE' satisfies ErrorReply['code']);
// @ts-expect-error A user name is a string.
const invalid = await client.POST('/signin', { body: { username: 1 } });
assert.equal(invalid.error?.code, 'INVALID_INPUT');

const signedIn = await client.POST('/signin', { body: { username: 'user1', password: 'password1' } });
const session: Session | undefined = signedIn.data;
assert.equal(session?.username, 'user1');
assert.equal(session?.current, true);
// @ts-expect-error A session has no token.
assert.equal(session?.token, undefined);

const welcome = await client.GET('/welcome', { parseAs: 'text' });
assert.equal(welcome.data, 'Welcome user1!');
const listed = await client.GET('/sessions');
const [first]: ListedSession[] = listed.data ?? [];
assert.equal(first?.id, session?.id);
assert.equal(first?.address, '127.0.0.1');
const refreshed: Session | undefined = (await client.POST('/refresh')).data;
assert.equal(refreshed?.id, session?.id);
const ended = await client.DELETE('/sessions/{id}', { params: { path: { id: 'A'.repeat(22) } } });
assert.equal(ended.error?.code, 'NO_SUCH_SESSION');
const others = await client.DELETE('/sessions');
assert.equal(others.data?.ended, 0);
assert.equal((await client.POST('/logout')).data?.message, 'Signed out.');
assert.equal((await client.GET('/session')).error?.code, 'NOT_SIGNED_IN');
console.log('done');
`;

/** Writes the types and the client into a folder of the package, where the client finds openapi-fetch. */
async function writeClient(t: Test): Promise<string> {
  const folder = t.testdir({ 'package.json': '{ "type": "module" }', 'client.ts': CLIENT });
  const document = run(t, 'openapi.js');
  t.equal(await document.exited, 0);
  const types = astToString(await openapiTypeScript(JSON.parse(document.log.join('\n'))));
  writeFileSync(`${folder}/api.d.ts`, types);
  return folder;
}

t.test('a client that openapi-typescript generates compiles, and works', async (t) => {
  const cwd = await writeClient(t);
  const compiled = spawnSync(process.execPath, [TSC, ...OPTIONS, 'client.ts'], { cwd, encoding: 'utf8' });
  t.equal(compiled.stdout, '');
  t.equal(compiled.status, 0);
  const { port } = await startServer(t);
  const output = execFileSync(process.execPath, ['client.js', `http://127.0.0.1:${port}`], { cwd, encoding: 'utf8' });
  t.equal(output, 'done\n');
});

t.test('the generated types have the names of the document', async (t) => {
  const types = readFileSync(`${await writeClient(t)}/api.d.ts`, 'utf8');
  for (const name of ['Session', 'ListedSession', 'Error']) {
    t.match(types, new RegExp(`^ {8}${name}: \\{`, 'm'), name);
  }
});
