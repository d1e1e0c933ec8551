// Packages of bench/package.json that only the contestants use. Here they have no types, so that the type check needs
// no `npm ci` in this folder.
declare module '@fastify/secure-session';
declare module '@fastify/session';
declare module 'better-auth';
declare module 'better-auth/adapters/memory';
declare module 'better-auth/node';
declare module 'connect-redis';
declare module 'cookie-parser';
declare module 'express';
declare module 'express-session';
declare module 'redis';

type FastifyApp = import('fastify').FastifyInstance;

interface Contestant {
  readonly id: string;
  readonly title: string;
  /** The file in `contestants/`, without `.js`. */
  readonly module: string;
  readonly settings: {
    store?: 'memory' | 'lmdb' | 'redis';
    cache?: false;
    /** Settings of the service. */
    env?: Record<string, string>;
  };
  /**
   * In which tables it appears beside the one of GET /welcome. `often`: it takes part in each block of GET /welcome,
   * because an aim is about its CPU time.
   */
  readonly tags: readonly ('refresh' | 'signin' | 'often')[];
  /** The program of Node.js. Default: that of the benchmark. */
  readonly node?: string;
}

/** What a contestant's process needs to know. */
interface Job {
  /** How many live sessions the store must hold. */
  readonly sessions: number;
  readonly redisUrl: string;
  readonly lmdbPath: string;
  /** Whether a sign-in hashes the password. Without, sessions for the other tables are made fast. */
  readonly hash: boolean;
  readonly settings: Contestant['settings'];
}

/** `app` is a Fastify or Express app. Without `cookies`, the benchmark signs in over HTTP. */
type Make = (job: Job) => Promise<{ app: unknown; cookies?: string[] }>;

/** Where requests go, and the session cookies that they carry in turn. */
interface Target {
  readonly port: number;
  readonly cookies: string[];
}

/** What the parts need: the options of the command line, and the Redis server of the run. */
interface Run {
  readonly entries: readonly Contestant[];
  readonly only: readonly string[] | undefined;
  /** Without, each part has a default of its own. */
  readonly rounds: number | undefined;
  readonly blocks: number | undefined;
  readonly huge: boolean;
  /** Programs of Node.js. */
  readonly nodes: readonly { node: string; version: string }[];
  readonly redis: import('./lib/redis.js').Redis;
}
