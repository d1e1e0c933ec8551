import { Presets, SingleBar } from 'cli-progress';

const CLEAR_LINE = '\r\x1b[K';

/**
 * A bar on a terminal, a line a step elsewhere; `show` prints a text for good. The total is an estimate: some parts tell
 * more often than others.
 * @param {number} total
 */
export function showProgress(total) {
  if (!process.stderr.isTTY) {
    return {
      tell: (/** @type {string} */ text) => console.error(text),
      show: (/** @type {string} */ text) => console.log(`\n${text}\n`),
      stop() {},
    };
  }
  const bar = new SingleBar(
    { format: '{bar} {percentage}% | {text}', hideCursor: true, stream: process.stderr },
    Presets.shades_classic,
  );
  let done = 0;
  bar.start(total, 0, { text: '' });
  return {
    tell(/** @type {string} */ text) {
      bar.setTotal(Math.max(total, done + 1));
      bar.update(done++, { text });
    },
    show(/** @type {string} */ text) {
      process.stderr.write(CLEAR_LINE);
      console.log(`\n${text}\n`);
    },
    stop: () => bar.stop(),
  };
}
