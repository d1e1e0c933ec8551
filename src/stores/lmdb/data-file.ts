import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

// Offsets in bytes of the meta page at the start of the file (`MDB_meta` in the source of LMDB). The second page holds a
// copy that is one commit older or newer.
const META = { magic: 24, pageSize: 48, lastPage: 144, bytes: 160 };
const MAGIC = 0xbeefc0de;

/**
 * Rejects a file that LMDB did not write, or that is truncated. LMDB maps the file into memory without this check, and the
 * process would end with SIGBUS and no message. A missing or empty file is a new one.
 */
export function assertWhole(path: string): void {
  const file = openIfThere(path);
  if (file === undefined) {
    return;
  }
  try {
    const meta = Buffer.alloc(META.bytes);
    const length = readSync(file, meta, 0, META.bytes, 0);
    // The size is read after the header: a process that writes extends the file first.
    const { size } = fstatSync(file);
    if (size > 0 && (length < META.bytes || meta.readUInt32LE(META.magic) !== MAGIC)) {
      throw new Error('data.mdb is not an LMDB file');
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
