import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { emptyFolder, install, installedPackages, installPackage, output, tarball } from '../helpers/packed.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// The packed package of an app that only wants sessions: its weight, its Fastify, its files. It installs from the npm
// registry, also the tools that check it.

const { peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const docs = readFileSync(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
const OLDEST_FASTIFY: string = peerDependencies.fastify.replace('^', '');
const ESBUILD = 'esbuild@0.28';
const ROLLDOWN = 'rolldown@1';
const PUBLINT = 'publint@0.3';
const ATTW = '@arethetypeswrong/cli@0.18';

/** An app that uses the decorators of `sessions` and prints the outcomes. */
const APP = `
import Fastify from 'fastify';
import { crossOriginGuard, requireRecentSignIn, requireSession, sessions } from 'session-cookie-login';
async function main() {
const app = Fastify();
await app.register(crossOriginGuard);
await app.register(sessions);
app.post('/signin', async (_request, reply) => (await reply.startSession({ userId: '1', username: 'ann' })).username);
app.get('/me', { onRequest: requireSession }, async (request) => request.session.username);
app.get('/list', { onRequest: requireRecentSignIn }, async (request) => request.listSessions());
app.post('/refresh', async (_request, reply) => (await reply.refreshSession()).username);
app.post('/logout', async (_request, reply) => { await reply.signOut(); return 'signed out'; });
const send = async (method, url, headers = {}) => {
  const { statusCode, headers: { 'set-cookie': set } } = await app.inject({ method, url, headers });
  statuses.push(statusCode);
  return { cookie: String(set).split(';')[0] };
};
const statuses = [];
const first = await send('POST', '/signin');
await send('GET', '/me');
await send('GET', '/me', first);
const second = await send('POST', '/refresh', first);
await send('GET', '/me', first);
await send('GET', '/list', second);
await send('POST', '/logout', { ...second, 'sec-fetch-site': 'cross-site' });
await send('POST', '/logout', second);
await send('GET', '/me', second);
await app.close();
console.log(statuses.join());
}
main();
`;
const STATUSES = '200,401,200,200,401,200,403,200,401\n';

function kilobytes(path: string): number {
  return Number.parseInt(execFileSync('du', ['-sk', path], { encoding: 'utf8' }), 10);
}

/** The package and the newest Fastify. No test changes what is installed there. */
const alone = installPackage(t, 'fastify');
/** The same with two bundlers. */
const withBundlers = installPackage(t, 'fastify', ESBUILD, ROLLDOWN);

/** Runs a bundle where no package is installed. */
function outputWithoutPackages(t: Test, bundle: string): string {
  const cwd = temporaryDirectory(t);
  copyFileSync(bundle, `${cwd}/${basename(bundle)}`);
  return output(cwd, process.execPath, basename(bundle));
}

t.test('sessions add little to Fastify, and bring no second one', async (t) => {
  const bare = emptyFolder(t);
  install(bare, 'fastify');
  const added = (kilobytes(`${alone}/node_modules`) - kilobytes(`${bare}/node_modules`)) / 1024;
  t.ok(added <= 12, `${added.toFixed(1)} MB above Fastify`);
  const packages = installedPackages(alone);
  t.ok(packages.length <= 60, `${packages.length} packages`);
});

for (const [version, folder] of Object.entries({ [OLDEST_FASTIFY]: undefined, newest: alone })) {
  t.test(`the plugin works with Fastify ${version}`, async (t) => {
    const cwd = folder ?? installPackage(t, `fastify@${version}`);
    t.equal(installedPackages(cwd).filter((name) => name === 'fastify').length, 1);
    writeFileSync(`${cwd}/app.js`, APP);
    t.equal(output(cwd, process.execPath, 'app.js'), STATUSES);
  });
}

t.test('an app is bundled without configuration', async (t) => {
  const cwd = withBundlers;
  writeFileSync(`${cwd}/app.js`, APP);
  // CommonJS, because Fastify is: `require` in an ES module of esbuild fails.
  output(cwd, 'npx', 'esbuild', 'app.js', '--bundle', '--platform=node', '--outfile=esbuild.cjs');
  output(cwd, 'npx', 'rolldown', 'app.js', '--platform', 'node', '--file', 'rolldown.mjs');
  for (const file of ['esbuild.cjs', 'rolldown.mjs']) {
    t.equal(outputWithoutPackages(t, `${cwd}/${file}`), STATUSES, file);
  }
});

t.test('the session client is bundled for browsers', async (t) => {
  const cwd = withBundlers;
  writeFileSync(`${cwd}/page.js`, "import { keepAlive } from 'session-cookie-login/client'; keepAlive();");
  output(cwd, 'npx', 'esbuild', 'page.js', '--bundle', '--minify', '--format=esm', '--outfile=esbuild.js');
  output(cwd, 'npx', 'rolldown', 'page.js', '--platform', 'browser', '--file', 'rolldown.js');
  for (const file of ['esbuild.js', 'rolldown.js']) {
    const bundle = readFileSync(`${cwd}/${file}`, 'utf8');
    t.match(bundle, 'session-cookie-login', file);
    t.notMatch(bundle, /^import |require\(/m, file);
    t.notMatch(bundle, 'logout', 'without what the page does not use');
  }
  t.ok(readFileSync(`${cwd}/esbuild.js`).length < 4096, 'small when minified');
});

t.test('an app with top-level await is bundled by the command of docs/embedding.md', async (t) => {
  const [, command = ''] = /^npx (esbuild .*?[^\\])\n```/ms.exec(docs) ?? [];
  writeFileSync(`${withBundlers}/app.mjs`, APP.replace('\nmain();', '\nawait main();'));
  output(withBundlers, 'sh', '-c', `npx ${command}`);
  t.equal(outputWithoutPackages(t, `${withBundlers}/dist/app.mjs`), STATUSES);
});

t.test('require works, for CommonJS apps on a Node that loads ES modules with it', async (t) => {
  writeFileSync(`${alone}/app.cjs`, "console.log(typeof require('session-cookie-login').sessions);");
  t.equal(output(alone, process.execPath, 'app.cjs'), 'function\n');
});

t.test('publint and attw report nothing but that CommonJS needs require of ES modules', async (t) => {
  const cwd = emptyFolder(t);
  install(cwd, PUBLINT, ATTW);
  output(cwd, 'npx', 'publint', 'run', '--strict', tarball());
  // From 'require' of an ES module: docs/embedding.md says which versions of Node can do that. node10 knows no exports.
  output(cwd, 'npx', 'attw', '--profile', 'esm-only', tarball());
  t.pass('both have exited with 0');
});

t.test('the source maps hold the sources', async (t) => {
  const dist = `${alone}/node_modules/session-cookie-login/dist`;
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  const maps = files.filter((name) => name.endsWith('.js.map'));
  t.ok(maps.length > 50);
  // The scripts for browsers are their sources without types and comments.
  const forNode = files.filter((name) => name.endsWith('.js') && !/^pages[\\/]browser/.test(name));
  t.equal(maps.length, forNode.length);
  for (const name of maps) {
    const { sources, sourcesContent } = JSON.parse(readFileSync(`${dist}/${name}`, 'utf8'));
    t.equal(sources.length, 1);
    const source = new URL(sources[0].replace(/^.*\bsrc\//, '../../src/'), import.meta.url);
    t.equal(sourcesContent?.[0], readFileSync(fileURLToPath(source), 'utf8'), name);
  }
});
