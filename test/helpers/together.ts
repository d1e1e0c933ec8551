import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const TAPRC = readFileSync(new URL('../../.taprc', import.meta.url), 'utf8');

/**
 * Runs all tests of a folder in this process, except those of the files in `alone`. Starting a process for each file
 * costs more time than most of their tests. Tests that share a process must not change its state.
 */
export async function runTogether(folder: string, ...alone: string[]): Promise<void> {
  const excluded = `\n  - ${posix.join('test', folder)}/!(${alone.join('|')}).test.ts\n`;
  if (alone.length > 0 && !TAPRC.includes(excluded)) {
    throw new Error(`.taprc must exclude all files of test/${folder} except ${alone.join(', ')}`);
  }
  const directory = new URL(`../${folder}/`, import.meta.url);
  const names = readdirSync(directory).filter((name) => name.endsWith('.test.ts'));
  for (const name of names.filter((name) => !alone.includes(name.replace('.test.ts', '')))) {
    await import(new URL(name, directory).href);
  }
}
