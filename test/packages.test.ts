import { readFileSync } from 'node:fs';
import t from 'tap';
import { canBeResolved, INSTALL_VERSIONS, MissingPackageError, requirePackages } from '../src/packages.ts';
import { builtCommand, MEASURED } from './helpers/built-command.ts';
import { run } from './helpers/command-line.ts';

const { peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);

t.test('every optional peer has a command that installs a version in the range of package.json', async (t) => {
  const { fastify, ...optional } = peerDependencies;
  t.match(fastify, /^\^5\./);
  const versions = Object.entries<string>(optional).map(([name, range]) => [
    name,
    // A range of several patch versions has its last one.
    / - (\S+)$/.exec(range)?.[1] ?? Number(/\d+/.exec(range)?.[0]),
  ]);
  t.same(Object.fromEntries(versions), INSTALL_VERSIONS);
  t.same(
    peerDependenciesMeta,
    Object.fromEntries(Object.keys(optional).map((name) => [name, { optional: true }])),
    'npm installs none of them by default',
  );
  for (const name of Object.keys(peerDependencies)) {
    t.ok(devDependencies[name], `npm ci installs ${name}`);
  }
});

t.test('missing packages are named in one sentence, with the command that installs them', async (t) => {
  const without = (...names: string[]) => ({ isInstalled: (name: string) => !names.includes(name) });
  const require = ({ isInstalled }: ReturnType<typeof without>) =>
    requirePackages('The service', ['lmdb', 'read', '@node-rs/argon2'], isInstalled);
  t.doesNotThrow(() => require(without()));
  t.throws(
    () => require(without('lmdb')),
    new MissingPackageError('The service needs the optional package lmdb. Install with: npm install lmdb@3'),
  );
  t.throws(() => require(without('lmdb', 'read', '@node-rs/argon2')), {
    name: 'MissingPackageError',
    message:
      'The service needs the optional packages lmdb, read and @node-rs/argon2. ' +
      'Install with: npm install lmdb@3 read@5 @node-rs/argon2@2',
  });
});

t.test('a package is looked up where Node finds it', async (t) => {
  t.equal(canBeResolved('lmdb'), true);
  t.equal(canBeResolved('no-such-package' as 'lmdb'), false);
});

t.test('a package that is missing in the repository is named as well', async (t) => {
  const hide = `--import=${new URL('helpers/hide-packages.mjs', import.meta.url)}`;
  const env = { HIDDEN_PACKAGES: Object.keys(peerDependenciesMeta).join(' ') };
  for (const file of ['server.js', 'cli.js', 'openapi.js']) {
    const { code, err } = await run(builtCommand(file, [hide]), { ...env, ...MEASURED });
    t.equal(code, 1);
    t.match(err, /^The (service|command line) needs the optional packages .*\n$/);
  }
});

t.test('the list of public suffixes is needed only by the settings that use it', async (t) => {
  const code = `
    import { parseConfig } from ${JSON.stringify(new URL('../dist/config.js', import.meta.url).href)};
    for (const env of [{ COOKIE_DOMAIN: 'example.com' }, { TRUSTED_ORIGINS: 'https://*.example.com' }, { TRUSTED_ORIGINS: 'https://app.example.com' }]) {
      try { console.log(parseConfig({ PUBLIC_URL: 'https://login.example.com', ...env }).TRUSTED_ORIGINS); } catch ({ message }) { console.log(message); }
    }`;
  const hide = `--import=${new URL('helpers/hide-packages.mjs', import.meta.url)}`;
  const command = [process.execPath, hide, '--input-type=module', '--eval', code];
  const { out } = await run(command, { HIDDEN_PACKAGES: 'tldts', ...MEASURED });
  const missing =
    'COOKIE_DOMAIN, or a pattern in TRUSTED_ORIGINS, needs the optional package tldts. Install with: npm install tldts@7';
  t.same(out.trim().split('\n'), [missing, missing, 'https://app.example.com']);
  const start = await run(builtCommand('server.js', [hide]), {
    HIDDEN_PACKAGES: 'tldts',
    TRUSTED_ORIGINS: 'https://*.example.com',
    ...MEASURED,
  });
  t.match(start, { code: 1, err: `${missing}\n` });
});
