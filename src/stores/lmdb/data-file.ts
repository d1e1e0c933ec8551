import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

// Where LMDB keeps what it needs to know of a file, in bytes from its start (`MDB_meta` in its source): the first
// page begins with this, the second with a copy that is older or newer by one commit.
const META = { magic: 24, pageSize: 48, lastPage: 144, bytes: 160 };
const MAGIC = 0xbeefc0de;

/**
 * Refuses a file that LMDB did not write, or that lost its end: LMDB maps the file into memory as it is, and would
 * take the process down with it. A missing or an empty file is a new one.
 */
export function assertWhole(path: string): void {
  const file = openIfThere(path);
  if (file === undefined) {
    return;
  }
  try {
    const meta = Buffer.alloc(META.bytes);
    const length = readSync(file, meta, 0, META.bytes, 0);
    // Only then its size: a process that is writing to it makes it longer first.
    const { size } = fstatSync(file);
    if (size > 0 && (length < META.bytes || meta.readUInt32LE(META.magic) !== MAGIC)) {
      throw new Error('data.mdb is no LMDB file');
    }
    if (size > 0 && size < neededSize(meta)) {
      throw new Error(`data.mdb is damaged: ${neededSize(meta) - size} bytes are missing at its end`);
    }
  } finally {
    closeSync(file);
  }
}

function neededSize(meta: Buffer): number {
  return (Number(meta.readBigUInt64LE(META.lastPage)) + 1) * meta.readUInt32LE(META.pageSize);
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
