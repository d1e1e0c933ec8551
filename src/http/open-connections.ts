import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Milliseconds } from '../types.ts';

/** No browser or proxy sends that many requests on one connection without reading the replies. */
const MAX_UNANSWERED = 32;
/** How long a client may take to read the replies that are ready, in milliseconds. */
const READ_TIMEOUT_MS = 60_000;
/** How long a request that has started to arrive when the server closes may take to arrive, in milliseconds. */
const REQUEST_GRACE_MS = 5000;
/** How long nothing must have arrived on a connection before a closing server closes it, in milliseconds. */
const IDLE_MS = 200;

interface Connection {
  readonly unanswered: Set<FastifyReply>;
  /** `bytesRead` of the socket when its latest reply was sent. */
  answeredBytes: number;
  /** Since when there has been a reply that the client has not read. */
  unreadSince: Milliseconds | undefined;
}

/** The open connections of a server, and what bounds them. */
export class OpenConnections {
  /** The most open connections. */
  max: number;
  /** In the order of their age. */
  readonly #connections = new Map<Socket, Connection>();
  #accepted = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** How many connections were ever added. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Adds a new connection. If there are too many, closes another one, or the new one. */
  add(socket: Socket): void {
    this.#accepted++;
    if (this.#connections.size >= this.max) {
      this.#makeRoom(socket);
    }
    const connection: Connection = { unanswered: new Set(), answeredBytes: 0, unreadSince: undefined };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      closeQueued(connection);
    });
  }

  /** Adds a request. Returns `false` if its connection has too many requests without a reply. */
  addRequest(socket: Socket, reply: FastifyReply): boolean {
    const unanswered = this.#connections.get(socket)?.unanswered;
    return unanswered === undefined || unanswered.add(reply).size <= MAX_UNANSWERED;
  }

  /** Removes a request that was answered. */
  removeRequest(socket: Socket, reply: FastifyReply): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) {
      connection.unanswered.delete(reply);
      connection.answeredBytes = socket.bytesRead;
    }
  }

  /** Closes the connections whose client has not read its replies in time. It must be called about once a second. */
  closeUnread(now: Milliseconds): void {
    for (const [socket, connection] of this.#connections) {
      connection.unreadSince = socket.writableLength > 0 ? (connection.unreadSince ?? now) : undefined;
      if (connection.unreadSince !== undefined && now - connection.unreadSince > READ_TIMEOUT_MS) {
        socket.destroy();
      }
    }
  }

  /**
   * Closes each connection when its requests are answered and nothing more has arrived for a moment: a proxy may use it
   * until it reads `Connection: close`. A request that arrives slowly gets a grace period. A request that has arrived is
   * answered: the process sets the limit for that.
   */
  async closeAll(): Promise<void> {
    const endsAt = performance.now() + REQUEST_GRACE_MS;
    while (this.#connections.size > 0) {
      const idle = this.#filter((socket) => this.#isIdle(socket));
      await sleep(IDLE_MS);
      const late = performance.now() < endsAt ? [] : this.#filter((socket) => !this.#hasRequest(socket));
      for (const socket of [...idle.filter((one) => this.#isIdle(one)), ...late]) {
        socket.destroy();
      }
    }
  }

  /**
   * Closes the oldest connection that waits for a request or for the rest of one; if there is none, the oldest one with a
   * reply that the client has not read yet; if there is none, the new one.
   */
  #makeRoom(newcomer: Socket): void {
    const waiting = this.#first((socket) => !this.#hasRequest(socket));
    (waiting ?? this.#first(({ writableLength }) => writableLength > 0) ?? newcomer).destroy();
  }

  /** Whether a complete request has arrived on a connection and is not answered yet. */
  #hasRequest(socket: Socket): boolean {
    const { unanswered } = this.#connections.get(socket) as Connection;
    return [...unanswered].some(({ request }) => request.raw.complete);
  }

  /** Whether everything that has arrived on a connection is answered. */
  #isIdle(socket: Socket): boolean {
    const connection = this.#connections.get(socket);
    return connection?.unanswered.size === 0 && socket.bytesRead === connection.answeredBytes;
  }

  /** Without a look at all: it runs for each connection above the limit. */
  #first(matches: (socket: Socket) => boolean): Socket | undefined {
    for (const socket of this.#connections.keys()) {
      if (matches(socket)) {
        return socket;
      }
    }
    return undefined;
  }

  #filter(matches: (socket: Socket) => boolean): Socket[] {
    return [...this.#connections.keys()].filter(matches);
  }
}

/** Node does not report the end of a connection to the replies that wait for an earlier one. Each may hold a file open. */
function closeQueued({ unanswered }: Connection): void {
  for (const { raw } of unanswered) {
    if (raw.socket === null) {
      raw.emit('close');
    }
  }
}
