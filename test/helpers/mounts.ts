import { execFileSync } from 'node:child_process';
import type { Test } from 'tap';
import { temporaryDirectory } from './temporary-directory.ts';

/** Mounts a file system of this size in memory. Skips the test, and returns undefined, where that is not permitted. */
export function smallDisk(t: Test, size: string): string | undefined {
  const path = temporaryDirectory(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    t.plan(0, 'mounting a file system is not permitted here');
    return undefined;
  }
  t.teardown(() => execFileSync('umount', ['--lazy', path]));
  return path;
}

/** The command that runs another one in a new PID namespace. Skips the test where that is not permitted. */
export function newPidNamespace(t: Test): string[] | undefined {
  const command = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  try {
    execFileSync(command[0] as string, [...command.slice(1), 'true'], { stdio: 'ignore' });
    return command;
  } catch {
    t.plan(0, 'a new PID namespace is not permitted here');
    return undefined;
  }
}
