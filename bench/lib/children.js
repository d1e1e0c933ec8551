import { execFileSync, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The server under load has one core, the load generator and Redis have the other. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

const PROCESSES = fileURLToPath(new URL('../processes/', import.meta.url));
const SCRATCH = mkdtempSync(join(tmpdir(), 'session-bench-'));
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

process.once('exit', () => {
  for (const child of running) {
    child.kill('SIGKILL');
  }
  rmSync(SCRATCH, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});
// Without a listener, a signal ends the process without its `exit` event.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1));
}

/** Makes an empty directory, which is removed when this process ends. */
export const scratchDirectory = () => mkdtempSync(join(SCRATCH, 'run-'));

/**
 * @typedef {object} StartOptions
 * @property {number} [core] The only core that the process may use. Default: all.
 * @property {'pipe' | 'ignore' | number} [stdout] Default: ignore.
 * @property {string} [cwd]
 * @property {Record<string, string>} [env] Added to the environment of this process.
 */

/**
 * Starts a process that ends with this one.
 * @param {string[]} command
 * @param {StartOptions & { ipc?: 'ipc' }} options
 */
export function start(command, { core, ipc, stdout = 'ignore', cwd, env } = {}) {
  // taskset replaces itself with the command: the process id stays the same.
  const pin = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [file, ...args] = [...pin, ...command];
  const stdio = ['ignore', stdout, 'inherit', ...(ipc ? [ipc] : [])];
  const options = { cwd, env: { ...process.env, ...env }, stdio, serialization: 'advanced' };
  return new Child(spawn(file, args, /** @type {any} */ (options)), command.join(' '));
}

/**
 * Starts a file of `processes/`, which answers messages. `node` is the program, by default that of this process.
 * @param {string} file
 * @param {StartOptions & { node?: string }} options
 */
export function startProcess(file, { node = process.execPath, ...options } = {}) {
  return start([node, '--expose-gc', PROCESSES + file], { ...options, ipc: 'ipc' });
}

export class Child {
  #process;
  #name;
  #stopping = false;

  constructor(/** @type {import('node:child_process').ChildProcess} */ child, /** @type {string} */ name) {
    this.#process = child;
    this.#name = name;
    running.add(child);
    /** Resolves with the exit code, the signal or the error once the process has ended. */
    this.closed = once(child, 'close').then(([code, signal]) => code ?? signal, String);
    this.closed.then(() => running.delete(child));
  }

  /** Sends a message and returns the answer. @returns {Promise<any>} */
  async ask(message) {
    const answered = once(this.#process, 'message');
    this.#process.send(message);
    const [{ answer }] = await Promise.race([answered, this.died()]);
    return answer;
  }

  /** Waits until standard output matches, and returns the match. */
  async printed(/** @type {RegExp} */ pattern) {
    const { stdout } = this.#process;
    let text = '';
    for await (const [chunk] of on(/** @type {any} */ (stdout), 'data', { close: ['close'] })) {
      text += chunk;
      const match = pattern.exec(text);
      if (match !== null) {
        return match;
      }
    }
    return this.died();
  }

  /** Rejects when the process ends before `stop` is called. @returns {Promise<never>} */
  async died() {
    const code = await this.closed;
    if (this.#stopping) {
      return new Promise(() => {});
    }
    throw new Error(`${this.#name} ended with ${code}`);
  }

  /**
   * Runs an action and returns its result and the CPU time that the process used meanwhile, in total and in user mode.
   * @template T
   * @param {() => Promise<T>} action
   */
  async cpuDuring(action) {
    const before = this.#cpu();
    const result = await Promise.race([action(), this.died()]);
    const { user, system } = this.#cpu();
    const userMillis = user - before.user;
    return { result, cpuMillis: userMillis + system - before.system, userMillis };
  }

  /** Milliseconds of CPU time of all threads, see proc_pid_stat(5). */
  #cpu() {
    const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8');
    // The name is in parentheses and may hold spaces. User and system time are fields 12 and 13 after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system] = fields.slice(11, 13).map((ticks) => (Number(ticks) * 1000) / TICKS_PER_SECOND);
    return { user, system };
  }

  residentMiB() {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  async stop() {
    this.#stopping = true;
    this.#process.kill('SIGKILL');
    await this.closed;
  }
}
