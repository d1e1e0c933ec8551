import { readdirSync } from 'node:fs';

/**
 * Runs all tests of a folder in this process. Starting a process for each file costs more time than most of their tests.
 * Tests that share a process must not change its state.
 */
export async function runTogether(folder: string): Promise<void> {
  const directory = new URL(`../${folder}/`, import.meta.url);
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.test.ts'))) {
    await import(new URL(file, directory).href);
  }
}
