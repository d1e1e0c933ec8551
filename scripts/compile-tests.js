// Compiles all files of src and test into the cache of test/helpers/load-typescript.mjs.
import { readdirSync } from 'node:fs';
import { compiled } from '../test/helpers/load-typescript.mjs';

for (const folder of ['src', 'test']) {
  const directory = new URL(`../${folder}/`, import.meta.url);
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((name) => /(?<!\.d)\.ts$/.test(name))) {
    await compiled(new URL(name, directory).href);
  }
}
