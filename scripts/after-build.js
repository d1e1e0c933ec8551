// The parts of the build that the compiler does not do. It copies the files of the pages that are not TypeScript, and makes
// the command executable.
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../src/pages/', import.meta.url));
const DESTINATION = fileURLToPath(new URL('../dist/pages/', import.meta.url));

chmodSync(fileURLToPath(new URL('../dist/cli.js', import.meta.url)), 0o755);
// A template that was removed from the sources must not stay.
rmSync(`${DESTINATION}templates`, { recursive: true, force: true });
if (existsSync(SOURCE)) {
  cpSync(SOURCE, DESTINATION, { recursive: true, filter: (path) => !/\.ts$|[\\/]browser$/.test(path) });
}
