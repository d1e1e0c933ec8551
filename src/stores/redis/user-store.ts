import { storeKey } from '../store-key.ts';
import type { UserRecord, UserStore } from '../user-store.ts';
import type { RedisConnection } from './connection.ts';
import { decode, encode, prefixOf } from './versioned.ts';
import { walk } from './walk.ts';

/** Keeps users in Redis or Valkey, one key a user, without an end. */
export class RedisUserStore implements UserStore {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async create(user: UserRecord): Promise<boolean> {
    const key = this.#keyOf(user.username);
    return (await this.#connection.client.set(key, toText(user), { condition: 'NX' })) !== null;
  }

  async find(username: string): Promise<UserRecord | undefined> {
    const text = await this.#connection.client.get(this.#keyOf(username));
    return text === null ? undefined : toUser(text);
  }

  async replace(next: UserRecord, expectedVersion: string): Promise<boolean> {
    const key = this.#keyOf(next.username);
    const reply = await this.#connection.client.replaceVersion(
      key,
      prefixOf(expectedVersion),
      toText(next),
      0,
    );
    return reply === 1;
  }

  async remove(username: string): Promise<boolean> {
    return (await this.#connection.client.del(this.#keyOf(username))) === 1;
  }

  list(): AsyncIterable<UserRecord> {
    return walk(this.#connection, this.#prefix, toUser);
  }

  /** Closes the connection, too. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  get #prefix(): string {
    return `${this.#connection.keyPrefix}user:`;
  }

  #keyOf(username: string): string {
    return `${this.#prefix}${storeKey(username)}`;
  }
}

function toText({ version, ...rest }: UserRecord): string {
  return encode(version, rest);
}

function toUser(text: string): UserRecord {
  const [version, rest] = decode<Omit<UserRecord, 'version'>>(text);
  return { ...rest, version };
}
