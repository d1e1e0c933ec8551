import { cpSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { run } from '../helpers/command-line.ts';
import { installPackage } from '../helpers/packed.ts';

// The conformance suites as an app runs them: from the packed package, with each of the frameworks that the documentation
// names. It installs from the npm registry.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Without the options of this run of tap, which it passes in the environment. */
const NODE = ['env', '--ignore-environment', `PATH=${process.env.PATH}`, process.execPath];

/** How each framework runs a file. The file imports the function `test` from the module. */
const FRAMEWORKS = {
  'node:test': ['--test', '--test-reporter=tap'],
  tap: ['node_modules/tap/dist/esm/run.mjs', '--disable-coverage', '--reporter=tap'],
  vitest: ['node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose', '--globals=false'],
};

/** A folder with the package and the frameworks. tap is the one that runs this test: its installation takes long. */
function install(t: Test): string {
  const cwd = installPackage(t, 'vitest@4');
  symlinkSync(`${ROOT}/node_modules/tap`, `${cwd}/node_modules/tap`);
  cpSync(`${ROOT}/examples/minimal-store/store.js`, `${cwd}/store.js`);
  writeFileSync(
    `${cwd}/broken.js`,
    `import { MinimalStore } from './store.js';
     export class BrokenStore extends MinimalStore { remove = () => true; }`,
  );
  return cwd;
}

const suiteOf = (framework: string, file: string, store: string) => `
  import { test } from '${framework}';
  import { testSessionStore } from 'session-cookie-login/testing';
  import { ${store} } from './${file}';
  testSessionStore(test, () => new ${store}());
`;

const cwd = install(t);

t.test('the suite runs in node:test, tap and Vitest', async (t) => {
  for (const [framework, args] of Object.entries(FRAMEWORKS)) {
    const name = framework.replace(':', '-');
    const execute = (file: string) => run([...NODE, ...args, file], {}, '', cwd);
    writeFileSync(`${cwd}/${name}.test.js`, suiteOf(framework, 'store.js', 'MinimalStore'));
    const passed = await execute(`${name}.test.js`);
    t.equal(passed.code, 0, `${framework}: ${passed.out}${passed.err}`);
    t.match(passed.out, /find returns a record as it was created/, framework);

    writeFileSync(`${cwd}/${name}-broken.test.js`, suiteOf(framework, 'broken.js', 'BrokenStore'));
    const failed = await execute(`${name}-broken.test.js`);
    t.not(failed.code, 0, framework);
    t.match(
      `${failed.out}${failed.err}`,
      /The contract of SessionStore says: replace after remove returns false/,
      framework,
    );
  }
});

t.test('the suite takes the test function of each framework in TypeScript', async (t) => {
  for (const framework of Object.keys(FRAMEWORKS)) {
    writeFileSync(
      `${cwd}/${framework.replace(':', '-')}.test.ts`,
      `import { test } from '${framework}';
       import * as suites from 'session-cookie-login/testing';
       declare const users: suites.UserStore, sessions: suites.SessionStore, open: suites.OpenFailureCounter;
       suites.testSessionStore(test, () => sessions);
       suites.testUserStore(test, async () => users);
       suites.testFailureCounter(test, open);
       ${framework === 'vitest' ? '' : 'test("nested", (t) => suites.testSessionStore(t.test, () => sessions));'}`,
    );
  }
  for (const types of ['@types/node', 'undici-types']) {
    cpSync(`${ROOT}/node_modules/${types}`, `${cwd}/node_modules/${types}`, { recursive: true });
  }
  const tsc = `${ROOT}/node_modules/typescript/bin/tsc`;
  const options = '--noEmit --strict --skipLibCheck --module nodenext --target es2023 --types node'.split(' ');
  const files = readdirSync(cwd).filter((name) => name.endsWith('.test.ts'));
  t.equal(files.length, 3);
  const { code, out } = await run([...NODE, tsc, ...options, ...files], {}, '', cwd);
  t.equal(code, 0, out);
});
