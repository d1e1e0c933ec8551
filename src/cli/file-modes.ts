import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o001;

/** Whether users who are neither the owner nor in the group can read a file: its mode and those of the directories above it. */
export function othersCanRead(file: string): boolean {
  const path = resolve(file);
  return (
    process.platform !== 'win32' &&
    isOpen(path, OTHERS_READ) &&
    directoriesAbove(path).every((directory) => isOpen(directory, OTHERS_ENTER))
  );
}

function isOpen(path: string, bits: number): boolean {
  return (statSync(path).mode & bits) !== 0;
}

function directoriesAbove(path: string): string[] {
  const directory = dirname(path);
  return directory === path ? [] : [directory, ...directoriesAbove(directory)];
}
