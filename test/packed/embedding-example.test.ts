import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { install, nodes, npm, output, tarball, versionOf } from '../helpers/packed.ts';
import { firstUrl } from '../helpers/readme.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// The app of docs/embedding.md, pasted into a folder that `npm init -y` has made. It installs from the npm registry.

const docs = readFileSync(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
const [, app = ''] = /^## A complete app\n.*?^```js\n(.*?)^```/ms.exec(docs) ?? [];
const [, install1 = ''] = /^npm install (@node-rs\/argon2\S* .*)$/m.exec(docs) ?? [];

/** Starts a file and requests the guarded route without a session. */
async function statusOfStranger(t: Test, node: string, cwd: string, file: string): Promise<number> {
  const child = spawn(node, [file], { cwd, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  t.teardown(async () => {
    child.kill();
    await closed;
  });
  return (await fetch(new URL('/notes', await firstUrl(child.stdout)))).status;
}

/** Node strips types from 22.18 on. */
function stripsTypes(node: string): boolean {
  const [major = 0, minor = 0] = versionOf(node).slice(1).split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

t.test('the app of docs/embedding.md runs where it is pasted', async (t) => {
  const cwd = temporaryDirectory(t);
  npm(cwd, 'init', '-y', '--silent');
  install(cwd, 'fastify', tarball(), ...install1.split(' '), 'typescript', '@types/node');
  writeFileSync(`${cwd}/app.mjs`, app);
  writeFileSync(`${cwd}/app.mts`, app);
  const all = nodes(t);
  for (const node of all) {
    await t.test(`as app.mjs on Node ${versionOf(node)}`, async (t) => {
      t.equal(await statusOfStranger(t, node, cwd, 'app.mjs'), 401);
    });
  }
  npm(cwd, 'pkg', 'set', 'type=module');
  writeFileSync(`${cwd}/app.ts`, app);
  for (const node of all.filter(stripsTypes)) {
    await t.test(`as TypeScript on Node ${versionOf(node)}`, async (t) => {
      t.equal(await statusOfStranger(t, node, cwd, 'app.ts'), 401);
      t.equal(await statusOfStranger(t, node, cwd, 'app.mts'), 401);
    });
  }
  await t.test('compiled from TypeScript', async (t) => {
    const options = '--strict --module nodenext --target es2022 --types node'.split(' ');
    output(cwd, 'npx', 'tsc', ...options, 'app.ts');
    for (const node of all) {
      t.equal(await statusOfStranger(t, node, cwd, 'app.js'), 401, versionOf(node));
    }
  });
});
