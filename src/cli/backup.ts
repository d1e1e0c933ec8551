import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../config.ts';
import { requirePackages } from '../packages.ts';
import { parseStoreUrl } from '../stores/store-url.ts';
import { quote } from '../users/account-error.ts';
import { type CliCommand, parseText } from './command.ts';
import { withService } from './service.ts';
import { count, UsageError } from './terminal.ts';

const BACKUP_HELP = `
The service may run meanwhile. Do not copy data.mdb with cp then: the copy would be damaged.
Redis has its own ways to make backups: see docs/operation.md.`;
const RESTORE_HELP = `
STORE_URL must be lmdb: and a directory without a database. Stop the service first.
All sessions end, since the backup has sessions that have ended meanwhile. Passwords,
names and disabled users become those of the backup.`;

export function addBackupCommands(program: CliCommand): void {
  program
    .command('backup')
    .description('write a consistent copy of an LMDB store to a new file')
    .argument('<file>', 'the new file, or a directory for a file that is named after the time', parseText)
    .addHelpText('after', BACKUP_HELP)
    .action(backup);
  program
    .command('restore')
    .description('make a new LMDB store from a backup')
    .argument('<file>', 'a file that backup wrote', parseText)
    .option('--keep-sessions', 'keep the sessions of the backup, also those that have been revoked since')
    .addHelpText('after', RESTORE_HELP)
    .action(restore);
}

async function backup(target: string, _options: object, command: CliCommand): Promise<void> {
  await withService(command.io, async ({ backup }) => {
    if (backup === undefined) {
      throw new UsageError(
        'Only an LMDB store has this command. For Redis see "Backup and restore" in docs/operation.md.',
      );
    }
    const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory();
    const file = isDirectory ? join(target, `login-${new Date().toISOString().replaceAll(':', '-')}.mdb`) : target;
    const directory = target.endsWith('/') ? target : dirname(file);
    if (!existsSync(directory)) {
      throw new UsageError(`The directory ${quote(directory)} does not exist.`);
    }
    await backup(file);
    const { size: bytes } = statSync(file);
    command.printResult({ text: `Wrote ${file} (${bytes} bytes).`, data: { file, bytes } });
  });
}

async function restore(
  file: string,
  { keepSessions = false }: { keepSessions?: boolean },
  command: CliCommand,
): Promise<void> {
  const location = parseStoreUrl(loadConfig(command.io.env).STORE_URL);
  if (location.engine !== 'lmdb') {
    throw new UsageError('STORE_URL must be lmdb: and the directory of the new store, such as lmdb:./data.');
  }
  requirePackages('The LMDB store', ['lmdb']);
  const { restoreFrom } = await import('../stores/lmdb/backup.ts');
  const { users, sessions } = await restoreFrom(file, location.path, { keepSessions });
  const [ended, kept] = keepSessions ? [0, sessions] : [sessions, 0];
  command.printResult({
    text: `Restored ${count(users, 'user')} to ${location.path}; ended ${count(ended, 'session')}, kept ${kept}.`,
    data: { users, ended, kept },
  });
}
