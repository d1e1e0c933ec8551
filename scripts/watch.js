// Runs test files now and after each change in src or test: npm run test:watch -- test/config.test.ts
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const changes = new EventEmitter();
for (const folder of ['src', 'test']) {
  watch(folder, { recursive: true }, () => changes.emit('change'));
}
for (;;) {
  // Registered before the run, so that a change during the run starts the next one.
  const changed = once(changes, 'change');
  const tests = spawn(process.execPath, ['scripts/test.js', ...process.argv.slice(2)], { stdio: 'inherit' });
  await once(tests, 'exit');
  console.log('\nWaiting for a change in src or test. Ctrl+C ends.');
  await changed;
  // An editor may write one file in several steps.
  await sleep(100);
}
