import { readdirSync, readFileSync } from 'node:fs';
import Fastify from 'fastify';
import t from 'tap';
import { httpErrors } from '../src/errors.ts';
import { login, MemoryUserStore } from '../src/exports/login.ts';
import { crossOriginGuard, sessions } from '../src/index.ts';
import { settings } from '../src/settings.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const docs = read('../docs/embedding.md');

/** The names of the properties of an interface, as they stand in the code. */
function propertiesOf(name: string, file: string): string[] {
  const [, body = ''] = new RegExp(`interface ${name}[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(read(file)) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, property = '']) => property);
}

/** The names in the export lists of an entry module. */
function exportsOf(code: string): string[] {
  return [...code.matchAll(/^export (?:type )?\{(.*?)\}/gms)]
    .flatMap(([, list = '']) => list.split(','))
    .map((name) => name.replace('type ', '').trim())
    .filter((name) => name !== '');
}

/** The names of the types in the export lists of an entry module. */
function exportedTypes(code: string): string[] {
  const lists = [...code.matchAll(/^export type \{(.*?)\}/gms)].flatMap(([, list = '']) => list.split(','));
  const single = [...code.matchAll(/[{,]\s*type (\w+)/g)].map(([, name = '']) => name);
  return [...lists.map((name) => name.trim()).filter((name) => name !== ''), ...single];
}

t.test('docs/embedding.md names everything that the package exports', async (t) => {
  const entries = [
    'index.ts',
    ...readdirSync(new URL('../src/exports', import.meta.url)).map((file) => `exports/${file}`),
  ];
  const names = entries.flatMap((file) => exportsOf(read(`../src/${file}`)));
  t.ok(names.length > 40);
  for (const name of names) {
    t.match(docs, new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``), name);
  }
});

t.test('docs/embedding.md names what the session client exports', async (t) => {
  const code = read('../src/pages/browser/session.ts').replace(/\/\*\*(?:(?!\*\/).)*@internal.*$/s, '');
  const names = [...code.matchAll(/^export (?:async )?(?:function|interface) (\w+)/gm)].map(([, name = '']) => name);
  t.equal(names.length, 6);
  for (const name of names) {
    t.match(docs, new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``), name);
  }
});

t.test('the table of types in docs/embedding.md has every exported type', async (t) => {
  const [, table = ''] = /^\| types \| of \|\n(.*?)\n\n/ms.exec(docs) ?? [];
  const listed = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const files = [
    'index.ts',
    ...readdirSync(new URL('../src/exports', import.meta.url)).map((file) => `exports/${file}`),
  ];
  const types = new Set(files.flatMap((file) => exportedTypes(read(`../src/${file}`))));
  t.same(listed.sort(), [...types].sort());
});

t.test('docs/embedding.md has every option of the plugins', async (t) => {
  const interfaces = {
    SessionsOptions: '../src/plugins/sessions.ts',
    DeviceBoundOptions: '../src/plugins/device-bound-options.ts',
    LoginOptions: '../src/plugins/login-options.ts',
    LoginStores: '../src/plugins/login-options.ts',
    LoginRoutesOptions: '../src/routes/login-routes.ts',
    CrossOriginGuardOptions: '../src/plugins/cross-origin-guard.ts',
    OpenStoresOptions: '../src/stores/open-stores.ts',
    ServiceOptions: '../src/app.ts',
    KeepAliveOptions: '../src/pages/browser/session.ts',
  };
  for (const [name, file] of Object.entries(interfaces)) {
    const properties = propertiesOf(name, file);
    t.ok(properties.length > 0, name);
    for (const property of properties) {
      t.match(docs, new RegExp(`^\\| \`(\\w+\\.)?${property}(\\.\\w+)?\` \\|`, 'm'), `${name}.${property}`);
    }
  }
});

/** The default column of the first table after `start`, by the name of the option. */
function documentedDefaults(start: string): Map<string, string> {
  const [table = ''] = /^\|.*?\n\n/ms.exec(docs.slice(docs.indexOf(start))) ?? [];
  return new Map([...table.matchAll(/^\| `([\w.]+)` \| (.*?) \|/gm)].map(([, name = '', value = '']) => [name, value]));
}

t.test('docs/embedding.md has the default of every option that has one', async (t) => {
  const tables = {
    '### Options of sessions': { file: '../src/plugins/sessions.ts', count: 8 },
    '### Options of login': { file: '../src/plugins/login-options.ts', count: 5 },
    '| option of `openStores`': { file: '../src/stores/open-stores.ts', count: 4 },
  };
  for (const [start, { file, count }] of Object.entries(tables)) {
    const documented = documentedDefaults(start);
    const ofCode = [...read(file).matchAll(/^ {2}(\w+): settings\.(\w+),/gm)];
    t.equal(ofCode.length, count, file);
    for (const [, option = '', setting = ''] of ofCode) {
      const { default: value } = settings[setting as keyof typeof settings];
      t.equal(documented.get(option), `\`${value}\``, `${file}: ${option}`);
    }
  }
});

t.test('docs/embedding.md has every decorator', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(crossOriginGuard);
  await app.register(sessions);
  await app.register(login, { stores: { users: new MemoryUserStore() } });
  const documented = [...docs.matchAll(/^\| `(?:await )?(app|request|reply)\.(\w+)/gm)];
  t.equal(documented.length, 21);
  for (const [, target, name = ''] of documented) {
    const has = { app: app.hasDecorator, request: app.hasRequestDecorator, reply: app.hasReplyDecorator };
    t.ok(has[target as keyof typeof has].call(app, name), `${target}.${name}`);
  }
  // The package does not export these plugins.
  const ofService = ['assets.ts', 'connections.ts', 'pages.ts'];
  const files = readdirSync(new URL('../src/plugins', import.meta.url)).filter((file) => !ofService.includes(file));
  const plugins = files.map((file) => read(`../src/plugins/${file}`));
  const declarations = plugins.map((code) => /^declare module 'fastify' \{\n(.*?)^\}/ms.exec(code)?.[1] ?? '');
  const [, ofRequests = ''] = /interface SessionRequest \{\n(.*?)^\}/ms.exec(plugins.join('')) ?? [];
  const declared = [
    ...declarations.join('').matchAll(/^ {4}(?:readonly )?(\w+)[(:]/gm),
    ...ofRequests.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm),
  ];
  t.ok(declared.length >= documented.length);
  for (const [, name = ''] of declared) {
    t.ok(
      documented.some(([, , one]) => one === name),
      name,
    );
  }
});

t.test('docs/embedding.md has every error, with its code and status', async (t) => {
  const rows = [...docs.matchAll(/^\| `\w+` \| `([A-Z_]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  const errors = httpErrors.map((Entry) => new Entry()).map(({ code, statusCode }) => [code, statusCode]);
  t.same(rows.sort(), errors.sort());
});
