import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { run } from './helpers/command-line.ts';

// What an app loads that imports one entry of the package. `npm run build` made dist.

/** What the plugin `sessions` needs. package.json lists these as dependencies. */
const OF_SESSIONS = ['@fastify/cookie', '@fastify/error', '@sinclair/typebox', 'bowser', 'fastify-plugin', 'ipaddr.js'];

const entry = (name: string) => new URL(`../dist/${name}.js`, import.meta.url);

/** The specifiers of the static imports of a compiled module. */
function staticImports(file: URL): string[] {
  const statements = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\s(?:[\w\s{},*$]+\sfrom\s)?['"]([^'"]+)['"];$/gm,
  );
  return [...statements].map(([, specifier = '']) => specifier);
}

/** The packages that a module imports statically, itself or through other modules of the package. */
function packagesOf(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) {
    return new Set();
  }
  seen.add(file.href);
  const found = staticImports(file).map((specifier) => {
    if (specifier.startsWith('.')) {
      return packagesOf(new URL(specifier, file), seen);
    }
    return new Set(specifier.startsWith('node:') ? [] : [packageOf(specifier)]);
  });
  return new Set(found.flatMap((packages) => [...packages]));
}

function packageOf(specifier: string): string {
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '';
}

t.test('what an entry imports statically', async (t) => {
  t.same([...packagesOf(entry('index'))].sort(), OF_SESSIONS);
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  for (const name of ['exports/login', 'exports/lmdb', 'exports/redis', 'exports/service', 'server', 'cli']) {
    const optional = [...packagesOf(entry(name))].filter((found) => found !== 'fastify' && !(found in dependencies));
    t.same(optional, [], `${name} imports nothing that npm does not install`);
  }
  // The service imports the engine of LMDB when it opens such a store.
  const ofService = [...packagesOf(entry('server')), ...packagesOf(entry('stores/lmdb/environment'))];
  t.same(
    Object.keys(dependencies).filter((name) => !ofService.includes(name)),
    [],
    'each dependency is needed',
  );
});

t.test('a process that imports the package loads these packages and no others', async (t) => {
  const hook = `
    import { appendFileSync } from 'node:fs';
    export async function load(url, context, next) { appendFileSync(1, url + '\\n'); return next(url, context); }
  `;
  const register = `import { register } from 'node:module'; register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hook))});`;
  const code = `
    await import(${JSON.stringify(entry('index').href)});
    const { createRequire } = await import('node:module');
    console.log(Object.keys(createRequire(import.meta.url).cache).join('\\n'));
  `;
  const { code: exitCode, out } = await run(
    [
      process.execPath,
      `--import=data:text/javascript,${encodeURIComponent(register)}`,
      '--input-type=module',
      '--eval',
      code,
    ],
    {},
  );
  t.equal(exitCode, 0);
  const root = pathToFileURL(fileURLToPath(new URL('../node_modules/', import.meta.url))).href;
  const loaded = out.matchAll(/^(?:file:\/\/)?\/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/gm);
  t.ok(out.includes(root), 'the hook reports');
  // Not every version of Node reports cookie, the dependency of @fastify/cookie: it is an ES module that is required.
  const names = new Set([...loaded].map(([, name]) => name).filter((name) => name !== 'cookie'));
  t.same([...names].sort(), OF_SESSIONS);
});
