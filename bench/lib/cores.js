import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The server has one core to itself, and whatever loads it another. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Whether processes can be held to a core at all here. */
export const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['--version']).status === 0;

/**
 * A command held to one core, or as it is where there is only one. `taskset` becomes the command: the process's id
 * stays the one that was spawned.
 * @param {number | undefined} core
 * @param {string[]} command
 * @returns {[string, string[]]}
 */
export function pinned(core, command) {
  const [file, ...args] =
    canPin && core !== undefined ? ['taskset', '-c', String(core), ...command] : command;
  return [/** @type {string} */ (file), args];
}
