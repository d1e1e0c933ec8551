import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
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
  /** The replies that are not known to have been sent. */
  replies: ServerResponse[];
  /** `bytesRead` of the socket when its latest reply was ready. */
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
    const connection: Connection = { replies: [], answeredBytes: 0, unreadSince: undefined };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      closeQueued(connection);
    });
  }

  /**
   * Adds a request. Returns `false` if its connection has too many requests without a reply. Which replies were sent is
   * determined here: a listener for the end of each reply would cost more.
   */
  addRequest(socket: Socket, reply: ServerResponse): boolean {
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      return true;
    }
    forgetSent(connection);
    // A hijacked reply does not call noteAnswer.
    connection.answeredBytes = socket.bytesRead;
    return connection.replies.push(reply) <= MAX_UNANSWERED;
  }

  /** Must be called when the reply to a request is ready. */
  noteAnswer(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) {
      connection.answeredBytes = socket.bytesRead;
    }
  }

  /** Closes the connections whose client has not read its replies in time. It must be called about once a second. */
  closeUnread(now: Milliseconds): void {
    for (const [socket, connection] of this.#connections) {
      forgetSent(connection);
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
    const { replies } = this.#connections.get(socket) as Connection;
    return replies.some((reply) => !isSent(reply) && reply.req.complete);
  }

  /** Whether everything that has arrived on a connection is answered. */
  #isIdle(socket: Socket): boolean {
    const connection = this.#connections.get(socket);
    return connection?.replies.every(isSent) === true && socket.bytesRead === connection.answeredBytes;
  }

  /** Stops at the first match, because it runs for each connection above the limit. */
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

/** The system has all bytes of the reply. */
function isSent(reply: ServerResponse): boolean {
  return reply.writableFinished;
}

/** Without pipelining there is at most one reply. */
function forgetSent(connection: Connection): void {
  if (connection.replies.some(isSent)) {
    connection.replies = connection.replies.filter((reply) => !isSent(reply));
  }
}

/** Node does not report the end of a connection to the replies that wait for an earlier one. Each may hold a file open. */
function closeQueued({ replies }: Connection): void {
  for (const reply of replies) {
    if (reply.socket === null && !isSent(reply)) {
      reply.emit('close');
    }
  }
}
