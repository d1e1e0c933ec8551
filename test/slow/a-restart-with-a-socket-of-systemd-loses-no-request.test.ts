import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import t from 'tap';
import { builtCommand } from '../helpers/built-command.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';
import { post, startTraffic } from '../helpers/traffic.ts';

// The socket stays open between two processes, as under systemd: connections wait in it. A shell stands for systemd: it has the
// socket as its file descriptor 3, and starts the service again when it has ended.

const RESTARTS = 5;

t.test(
  'one instance restarts under traffic, and each request is answered',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
    const start = `sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec ${builtCommand('server.js').join(' ')}'`;
    const starts = Array.from({ length: RESTARTS + 1 }, () => start).join('; ');
    const shell = spawn('sh', ['-c', starts], {
      cwd: temporaryDirectory(t),
      env: {
        ...process.env,
        ...LENIENT_TIMEOUTS,
        LISTEN: 'systemd',
        DOCS: 'off',
        DRAIN_SECONDS: '0',
        DEMO_USERS: 'on',
      },
      stdio: ['ignore', 'pipe', 'inherit', fd],
      // A process group, so that a failed test can end the shell and the service.
      detached: true,
    });
    const exited = once(shell, 'exit');
    t.teardown(async () => {
      if (shell.exitCode === null) {
        process.kill(-(shell.pid as number), 'SIGKILL');
      }
      await exited;
    });
    listener.close();

    const lines = createInterface({ input: shell.stdout as Readable })[Symbol.asyncIterator]();
    /** Resolves with the process id of the next instance that listens. */
    const started = async (): Promise<number> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) {
          throw new Error('the service ended before it listened');
        }
        const { msg, pid } = JSON.parse(value);
        if (msg.startsWith('Server listening')) {
          return pid;
        }
      }
    };
    let pid = await started();
    const agent = new Agent({ keepAlive: false });
    const stop = startTraffic(port, agent, 8);
    for (let restart = 0; restart < RESTARTS; restart++) {
      for (let i = 0; i < 100; i++) {
        await post(port, agent);
      }
      process.kill(pid, 'SIGTERM');
      pid = await started();
    }
    // 401: the requests have no session.
    const { 401: answered = 0, ...others } = await stop();
    process.kill(pid, 'SIGTERM');
    t.same(others, {});
    t.ok(answered > 500, `${answered} requests`);
    t.same(await exited, [0, null]);
  },
);
