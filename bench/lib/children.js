import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pinned } from './cores.js';

/**
 * Every process that was started and has not ended. They are ended by their ids, whatever happens to this one.
 * @type {Set<import('node:child_process').ChildProcess>}
 */
const living = new Set();

process.once('exit', () => {
  for (const child of living) {
    child.kill('SIGKILL');
  }
});
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.once(signal, () => process.exit(code));
}

/**
 * @typedef {object} SpawnOptions
 * @property {number} [core] The core it is held to. Default: any.
 * @property {boolean} [ipc] Whether the two exchange messages. Default no.
 * @property {number | 'ignore' | 'pipe'} [stdout] Default 'ignore'.
 * @property {string} [cwd]
 * @property {Record<string, string>} [env] In addition to ours.
 */

/**
 * Starts a process that does not outlive this one.
 * @param {string[]} command
 * @param {SpawnOptions} options
 */
export function start(command, { core, ipc = false, stdout = 'ignore', cwd, env } = {}) {
  const [file, args] = pinned(core, command);
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', stdout, 'pipe', ...(ipc ? /** @type {const} */ (['ipc']) : [])],
    serialization: 'advanced',
  });
  living.add(child);
  return new Child(child, command);
}

/** A process of ours. An end that nobody asked for makes everything that waits for it fail, and says why. */
export class Child {
  #process;
  #command;
  #errors = '';
  #stopping = false;

  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {string[]} command
   */
  constructor(child, command) {
    this.#process = child;
    this.#command = command;
    child.stderr?.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-4000);
    });
    /** Resolves once it has ended and everything it wrote has come. */
    this.closed = once(child, 'close').then(
      ([code, signal]) => ({ code, signal }),
      (error) => ({ code: error.code, signal: null }),
    );
    this.closed.then(() => living.delete(child));
  }

  get pid() {
    return /** @type {number} */ (this.#process.pid);
  }

  get stdout() {
    return this.#process.stdout;
  }

  /** Sends a message and answers with the next one that comes back.
   * @param {unknown} message
   */
  ask(message) {
    const answer = this.next();
    this.#process.send(/** @type {any} */ (message));
    return answer;
  }

  /** @returns {Promise<any>} The next message, or a rejection if the process ends before, or tells of an error. */
  async next() {
    const answer = await Promise.race([once(this.#process, 'message').then(([m]) => m), this.died()]);
    if (answer?.error !== undefined) {
      throw new Error(`${this.#command.join(' ')}: ${answer.error}`);
    }
    return answer;
  }

  /** @returns {Promise<never>} Rejects when it ends without having been asked to. */
  async died() {
    const { code, signal } = await this.closed;
    if (this.#stopping) {
      return new Promise(() => {});
    }
    throw new Error(`${this.#command.join(' ')} ended with ${code ?? signal}: ${this.#errors.trim()}`);
  }

  /** Everything it wrote, once it has ended well. */
  async output() {
    const chunks = [];
    for await (const chunk of /** @type {import('node:stream').Readable} */ (this.stdout)) {
      chunks.push(chunk);
    }
    const { code, signal } = await this.closed;
    if (code !== 0) {
      throw new Error(`${this.#command.join(' ')} ended with ${code ?? signal}: ${this.#errors.trim()}`);
    }
    return Buffer.concat(chunks).toString();
  }

  /** Ends it: at once, for there is nothing it could lose. */
  async stop() {
    this.#stopping = true;
    this.#process.kill('SIGKILL');
    await this.closed;
  }
}

/**
 * What a process that was started with `ipc` calls first: it ends with its parent, and tells it why it failed.
 */
export function obeyParent() {
  process.on('disconnect', () => process.exit(0));
  process.on('uncaughtException', (error) => {
    console.error(error);
    process.send?.({ error: error.stack ?? String(error) }, () => process.exit(1));
  });
}
