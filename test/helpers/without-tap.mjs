// Keeps tap out of the processes that the tests start (`.taprc`). tap passes its hooks on in NODE_OPTIONS, and `fork` passes the
// arguments of this process on. Both would make a start of Node.js two to three times slower.

import { createRequire } from 'node:module';

delete process.env.NODE_OPTIONS;
// tap adds its hooks to the environment of each new process through this package. Its listener runs before this one.
const processOnSpawn = createRequire(import.meta.resolve('@tapjs/processinfo'))('process-on-spawn');
processOnSpawn.addListener((child) => {
  const { NODE_OPTIONS: _, ...env } = child.env;
  child.env = env;
});
process.execArgv = process.execArgv.filter((argument) => !/@tapjs|share-compilers|without-tap/.test(argument));
