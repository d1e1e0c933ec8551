import { clearLine, cursorTo } from 'node:readline';
import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** So many more of the total. */
  advance(step: number): void;
  /** Writes a line to standard error, above the bar if there is one. */
  log(line: string): void;
  stop(): void;
}

/** A progress bar on standard error, if that is a terminal and the total is known. */
export function showProgress(total: number | undefined): Progress {
  if (total === undefined || !process.stderr.isTTY) {
    return { advance() {}, log: (line) => console.error(line), stop() {} };
  }
  const bar = new SingleBar(
    { format: 'importing {bar} {percentage}% | {eta_formatted} left', hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    advance: (step) => bar.increment(step),
    log(line) {
      // In place of the bar, which is drawn again below it.
      cursorTo(process.stderr, 0);
      clearLine(process.stderr, 0);
      console.error(line);
    },
    stop: () => bar.stop(),
  };
}
