import { ErrorReply } from '@redis/client';
import { StoreOpenError } from '../engine.ts';

/** The server will not execute the command later either: missing rights, another node of a cluster, or no such command. */
export function isPermanent(error: unknown): boolean {
  return isReply(error, /^(NOPERM|CLUSTERDOWN|MOVED|CROSSSLOT|ERR unknown command)/i);
}

/** The server is a replica now, or a replica without its master. Another server has taken over, or will soon. */
function isFailover(error: unknown): boolean {
  return isReply(error, /^(READONLY|MASTERDOWN)/);
}

/** The server executes no change now, because of its memory, its disk or its replicas. It can still be read. */
export function refusesChanges(error: unknown): boolean {
  return isReply(error, /^(OOM|MISCONF|NOREPLICAS)/);
}

/** The server may accept the same connection later. */
function isTemporary(error: unknown): boolean {
  return isFailover(error) || refusesChanges(error) || isReply(error, /^(LOADING|ERR max number)/);
}

/** Turns an error reply, such as a wrong password, into a StoreOpenError, unless the server may recover. */
export function asOpenError(error: unknown): unknown {
  return error instanceof ErrorReply && !isTemporary(error)
    ? new StoreOpenError(`The Redis server rejects the connection: ${error.message}`, { cause: error })
    : error;
}

function isReply(error: unknown, pattern: RegExp): boolean {
  return error instanceof ErrorReply && pattern.test(error.message);
}
