import { fileURLToPath } from 'node:url';

/** tap sets this variable to 0 in a run without coverage. */
const isMeasured = process.env._TAPJS_PROCESSINFO_COVERAGE_ === '1';
const COVERAGE_FOLDER = fileURLToPath(new URL('../../.tap/coverage', import.meta.url));

/**
 * Starts a command without tap. tap would load its hooks into each process of Node, through NODE_OPTIONS, which makes a
 * start three times slower.
 */
export const WITHOUT_TAP = ['env', '--unset=NODE_OPTIONS'];

/**
 * The command that runs a file of `dist`, as `npm run build` made it. Node itself writes the coverage, to the folder
 * that tap's report is made from. Source maps lead from there to the files of `src`.
 */
export function builtCommand(file: string, nodeArgs: readonly string[] = []): string[] {
  return [
    ...WITHOUT_TAP,
    ...(isMeasured ? [`NODE_V8_COVERAGE=${COVERAGE_FOLDER}`] : []),
    process.execPath,
    '--enable-source-maps',
    ...nodeArgs,
    fileURLToPath(new URL(`../../dist/${file}`, import.meta.url)),
  ];
}
