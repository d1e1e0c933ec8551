import { quote } from '../users/accounts.ts';
import type { CliCommand } from './command.ts';
import { withService } from './service.ts';
import { count, readNewPassword } from './terminal.ts';

export async function passwd(name: string, { expire }: { expire?: true }, command: CliCommand): Promise<void> {
  await withService(command.io, async ({ accounts }) => {
    if (expire) {
      const ended = await accounts.expirePassword(name);
      const text = `The user ${quote(name)} must choose another password at the next sign-in; ended ${count(ended, 'session')}.`;
      command.printResult({ text, data: { username: name, passwordExpired: true, ended } });
      return;
    }
    const ended = await accounts.changePassword(name, await readNewPassword(name, command.io));
    const text = `Changed the password of ${quote(name)}; ended ${count(ended, 'session')}.`;
    command.printResult({ text, data: { username: name, passwordChanged: true, ended } });
  });
}
