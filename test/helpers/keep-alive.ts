import type { Test } from 'tap';

/** Keeps the process alive until the end of the test, which waits for a timer that does not. */
export function keepAlive(t: Test): void {
  const timer = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(timer));
}
