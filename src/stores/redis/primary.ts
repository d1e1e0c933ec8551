import { ErrorReply } from '@redis/client';
import type { Milliseconds } from '../../types.ts';
import { withTimeout } from '../engine.ts';
import { type RedisGroup, type RedisServer, tcpSocket } from '../store-url.ts';
import { newClient, type RedisClient } from './client.ts';
import { asOpenError } from './error-replies.ts';
import { missingKey } from './probes.ts';

/** The server to use. Of two answers about it, the one with the higher epoch is the later decision of the group. */
export interface Primary {
  readonly server: RedisServer;
  /** HOST:PORT, as the group names it, or the path of a Unix socket. */
  readonly address: string;
  readonly epoch: number;
}

/** A server that belongs to no group. */
export function aloneOn(server: RedisServer): Primary {
  const { socket } = server;
  return { server, address: 'path' in socket ? socket.path : `${socket.host}:${socket.port}`, epoch: 0 };
}

/** What a member of a group answers. */
interface Answer {
  readonly host: string;
  readonly port: number;
  readonly epoch: number;
}

/** The shortest time that a member has to answer. */
const MIN_TIMEOUT_MS = 1000;

type Member = RedisGroup['members'][number];

/**
 * Asks the members of a group which server is the primary.
 *
 * Why not `createSentinel` and `createCluster` of node-redis 6.3: after an error they repeat a command up to 16 times, also one
 * that the server may have executed. A command may wait for the new primary and run after its request was answered 503. In a
 * failover of Sentinels, that happened to all 360 commands whose caller had given up; in one of a cluster, to 40 of 480.
 * They do not tell which connection reports changed keys either, so the near cache could not be kept safe.
 */
export class PrimaryFinder {
  readonly #group: RedisGroup;
  readonly #keyPrefix: string;
  readonly #timeoutMs: Milliseconds;
  readonly #clients = new Map<Member, { readonly client: RedisClient; readonly connected: Promise<unknown> }>();

  /** All keys with the prefix must be in one slot of a cluster. */
  constructor(group: RedisGroup, keyPrefix: string, timeoutMs: Milliseconds) {
    this.#timeoutMs = Math.max(timeoutMs, MIN_TIMEOUT_MS);
    this.#group = group;
    this.#keyPrefix = keyPrefix;
  }

  /** @throws if too few members answer. It is a StoreOpenError if a member rejected the question and waiting would not help. */
  async find(): Promise<Primary> {
    const { members, primary } = this.#group;
    const replies = await Promise.allSettled(members.map((member) => this.#ask(member)));
    const answers = replies.filter((reply) => reply.status === 'fulfilled').map(({ value }) => value);
    if (answers.length < requiredAnswers(this.#group)) {
      throw noPrimary(this.#group, replies);
    }
    const { host, port, epoch } = answers.reduce((best, next) => (next.epoch > best.epoch ? next : best));
    const { tls, ...options } = primary;
    return { server: { socket: tcpSocket(host, port, tls), ...options }, address: `${host}:${port}`, epoch };
  }

  close(): void {
    for (const { client } of this.#clients.values()) {
      client.destroy();
    }
  }

  async #ask(member: Member): Promise<Answer> {
    const { client, connected } = this.#clients.get(member) ?? this.#connect(member);
    const answer = connected.then(() =>
      this.#group.kind === 'sentinel'
        ? askSentinel(client, this.#group.name)
        : askNode(client, member, missingKey(this.#keyPrefix)),
    );
    try {
      return await withTimeout(this.#timeoutMs, answer, `${member.socket.host}:${member.socket.port}`);
    } catch (error) {
      client.destroy();
      this.#clients.delete(member);
      throw error;
    }
  }

  #connect(member: Member) {
    const client = newClient(member, false, this.#timeoutMs);
    // The next question fails then, and the one after it connects again.
    client.on('error', () => {});
    const entry = { client, connected: client.connect() };
    this.#clients.set(member, entry);
    return entry;
  }
}

/**
 * A majority of the Sentinels must answer: one that is cut off with the old primary still names it. A node of a cluster that
 * is cut off rejects commands itself.
 */
function requiredAnswers({ kind, members }: RedisGroup): number {
  return kind === 'sentinel' ? Math.floor(members.length / 2) + 1 : 1;
}

function noPrimary({ kind, members }: RedisGroup, replies: readonly PromiseSettledResult<Answer>[]): unknown {
  const errors = replies.filter((reply) => reply.status === 'rejected').map(({ reason }) => reason);
  const rejection = errors.find((error) => error instanceof ErrorReply);
  const who = kind === 'sentinel' ? 'Sentinels' : 'nodes of the cluster';
  return asOpenError(
    rejection ??
      new Error(`${members.length - errors.length} of ${members.length} ${who} answer`, { cause: errors[0] }),
  );
}

async function askSentinel(client: RedisClient, name: string): Promise<Answer> {
  const reply = (await client.sendCommand(['SENTINEL', 'MASTER', name])) as unknown as string[];
  const field = (wanted: string) => reply[reply.indexOf(wanted) + 1] as string;
  return { host: field('ip'), port: Number(field('port')), epoch: Number(field('config-epoch')) };
}

/** First and last slot, and the primary that has them. Without a host it is the one that was asked. */
type SlotRange = readonly [first: number, last: number, primary: readonly [host: string | null, port: number]];

async function askNode(client: RedisClient, { socket }: Member, key: string): Promise<Answer> {
  const [slot, slots, info] = (await Promise.all([
    client.sendCommand(['CLUSTER', 'KEYSLOT', key]),
    client.sendCommand(['CLUSTER', 'SLOTS']),
    client.sendCommand(['CLUSTER', 'INFO']),
  ])) as unknown as [number, SlotRange[], string];
  const range = slots.find(([first, last]) => first <= slot && slot <= last);
  if (range === undefined) {
    throw new Error(`no node of the cluster has slot ${slot}`);
  }
  const [, , [host, port]] = range;
  return { host: host || socket.host, port, epoch: Number(/^cluster_current_epoch:(\d+)/m.exec(info)?.[1]) };
}
