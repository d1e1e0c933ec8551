import { keyOf, readUser, type UserRecord, type UserStore } from '../../users/user-store.ts';
import { encodeKey } from '../engine.ts';
import type { RedisConnection } from './connection.ts';
import { decode, encode, prefixOf, scan } from './values.ts';

/** Keeps users in Redis or Valkey: one key for each user, which does not expire. */
export class RedisUserStore implements UserStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async create(user: UserRecord): Promise<boolean> {
    const key = this.#storeKey(keyOf(user));
    const { client } = this.#connection;
    const reply = await client.set(key, toText(user), { condition: 'NX' });
    await this.#connection.confirmReplicated(client);
    return reply !== null;
  }

  async find(key: string): Promise<UserRecord | undefined> {
    const text = await this.#connection.client.get(this.#storeKey(key));
    return text === null ? undefined : toUser(text);
  }

  async replace(next: UserRecord, expectedVersion: string): Promise<boolean> {
    const key = this.#storeKey(keyOf(next));
    // Rejects a record with a newer schema. The script compares the version only.
    if ((await this.find(keyOf(next))) === undefined) {
      return false;
    }
    const { client, allowsOom } = this.#connection;
    // Disabling a user must be possible on a full server.
    const replaceVersion = allowsOom ? 'replaceVersionWhenFull' : 'replaceVersion';
    const reply = await client[replaceVersion](key, prefixOf(expectedVersion), toText(next), 0);
    await this.#connection.confirmReplicated(client);
    return reply === 1;
  }

  async remove(key: string): Promise<boolean> {
    const { client } = this.#connection;
    const removed = await client.del(this.#storeKey(key));
    await this.#connection.confirmReplicated(client);
    return removed === 1;
  }

  list(): AsyncIterable<UserRecord> {
    return scan(this.#connection, this.#prefix, toUser);
  }

  /** Also closes the connection. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  get #prefix(): string {
    return `${this.#connection.keyPrefix}user:`;
  }

  #storeKey(key: string): string {
    return `${this.#prefix}${encodeKey(key)}`;
  }
}

function toText({ version, ...rest }: UserRecord): string {
  return encode(version, rest);
}

function toUser(text: string): UserRecord {
  const [version, rest] = decode<Omit<UserRecord, 'version'>>(text);
  return readUser({ ...rest, version });
}
