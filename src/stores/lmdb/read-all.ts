import { open, type RootDatabase } from 'lmdb';
import { SESSIONS, USERS } from './tables.ts';

// A process of its own, which `assertIntact` starts: reads all entries of a database and exits with 0 if they are complete.

const RECORDS = [SESSIONS, USERS];

try {
  const root = open({ path: process.argv[2] as string, noSubdir: false, maxDbs: 8, eventTurnBatching: false });
  readAll(root);
  await root.close();
} catch (error) {
  process.send?.((error as Error).message);
  process.exitCode = 1;
}
process.disconnect?.();

/** Everything is read in one turn of the event loop, so from one snapshot. @throws Error if something is missing. */
function readAll(root: RootDatabase): void {
  const names = [...root.getKeys()] as string[];
  const counts = new Map(names.map((name) => [name, countOf(root, name)]));
  for (const [name, count] of counts) {
    const sessions = counts.get(SESSIONS);
    if (!RECORDS.includes(name) && count !== sessions) {
      throw new Error(`${name} has ${count} entries for ${sessions} sessions`);
    }
  }
}

function countOf(root: RootDatabase, name: string): number {
  const isRecords = RECORDS.includes(name);
  const table = root.openDB<unknown, string>({
    name,
    ...(isRecords ? { encoding: 'json' as const } : { encoding: 'ordered-binary' as const, dupSort: true }),
  });
  let count = 0;
  for (const { value } of table.getRange()) {
    if (isRecords !== (typeof value === 'object')) {
      throw new Error(`${name} has an entry that is not a record`);
    }
    count++;
  }
  const { entryCount } = table.getStats() as { entryCount: number };
  if (count !== entryCount) {
    throw new Error(`${name} has ${count} of ${entryCount} entries`);
  }
  return count;
}
