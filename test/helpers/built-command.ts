import { fileURLToPath } from 'node:url';

/** Whether all tests run, and their coverage is measured: tap sets this variable to 0 in other runs. */
const isComplete = process.env._TAPJS_PROCESSINFO_COVERAGE_ === '1';

/**
 * The environment of a process whose coverage counts. Node itself writes it, to the folder that tap's report is made from. Source
 * maps lead from there to the files of `src`. Measuring adds 0.6 s of CPU time to a start, so it is for code that runs in no test process.
 */
export const MEASURED: Record<string, string> = isComplete
  ? { NODE_V8_COVERAGE: fileURLToPath(new URL('../../.tap/coverage', import.meta.url)) }
  : {};

/** The command that runs a file of `dist`, as `npm run build` made it. */
export function builtCommand(file: string, nodeArgs: readonly string[] = []): string[] {
  return [
    process.execPath,
    // As in .taprc. The processes of slow tests live longer.
    ...(isComplete ? ['--interrupt-budget=10000000'] : []),
    ...nodeArgs,
    fileURLToPath(new URL(`../../dist/${file}`, import.meta.url)),
  ];
}
