import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { guides, startApps } from './helpers/guides.ts';
import { output } from './helpers/packed.ts';

// The guides of docs/embedding.md. The apps of examples/guides run on what `npm run build` made, in one process to save
// time. test/packed/guides.test.ts starts each of them alone.

const DIRECTORY = new URL('../examples/guides/', import.meta.url);
const SERVERS = Object.keys(guides).map((name) => `await import("${new URL(`${name}.js`, DIRECTORY).href}");`);

t.test('the apps of the guides do what the guides promise', async (t) => {
  const args = [process.execPath, '--input-type=module', '--eval', SERVERS.join('')];
  const urls = await startApps(t, process.cwd(), args, SERVERS.length);
  for (const [index, [name, test]] of Object.entries(guides).entries()) {
    await t.test(name, (t) => test(t, urls[index] ?? ''));
  }
});

t.test('the tests of the guide pass', async (t) => {
  const printed = output('.', process.execPath, new URL('with-inject.test.js', DIRECTORY).pathname);
  t.match(printed, /# pass [1-9]/);
  t.match(printed, /# fail 0/);
});

t.test('docs/embedding.md shows the files of examples/guides', async (t) => {
  const docs = readFileSync(new URL('../docs/embedding.md', import.meta.url), 'utf8');
  const files = readdirSync(DIRECTORY);
  t.equal(files.length, 9);
  for (const file of files) {
    const language = file.slice(file.lastIndexOf('.') + 1);
    const code = readFileSync(new URL(file, DIRECTORY), 'utf8');
    t.ok(docs.includes(`\`\`\`${language}\n${code}\`\`\``), file);
    t.ok(docs.includes(`](../examples/guides/${file})`), `a link to ${file}`);
  }
});
