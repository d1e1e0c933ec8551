import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';

/** The modules that a module loads, itself included. Node modules are listed by name. An import of types loads nothing. */
function loadedBy(module: URL, loaded = new Set<string>()): Set<string> {
  if (!loaded.has(module.href)) {
    loaded.add(module.href);
    const code = readFileSync(module, 'utf8');
    for (const [, name = ''] of code.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)'/gm)) {
      name.startsWith('.') ? loadedBy(new URL(name, module), loaded) : loaded.add(name);
    }
  }
  return loaded;
}

t.test('session-cookie-login/testing loads only modules of Node, the suites, contracts and records', async (t) => {
  const loaded = [...loadedBy(new URL('../../src/exports/testing.ts', import.meta.url))];
  const outside = loaded.filter((name) => !name.startsWith('file:'));
  t.ok(outside.length > 0);
  t.same(
    outside.filter((name) => !name.startsWith('node:')),
    [],
  );
  const files = loaded.filter((name) => name.startsWith('file:'));
  t.ok(files.every((file) => existsSync(new URL(file))));
  t.same(
    files.filter((file) => !/\/src\/(exports|testing|sessions|users)\/|\/src\/(types|secrets)\.ts$/.test(file)),
    [],
  );
});
