import { ErrorReply } from '@redis/client';
import { StoreOpenError } from '../engine.ts';

/**
 * The server will not execute the command later either: missing rights or no such command. The same holds for a single
 * server if another node of a cluster has the key.
 */
export function isPermanent(error: unknown, isCluster: boolean): boolean {
  return isReply(error, /^(NOPERM|CROSSSLOT|ERR unknown command)/i) || (!isCluster && isMoved(error));
}

/** Another node of the cluster has the key, or will soon. */
function isMoved(error: unknown): boolean {
  return isReply(error, /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/);
}

/** The server is a replica now, or a replica without its master. Another server has taken over, or will soon. */
function isFailover(error: unknown): boolean {
  return isMoved(error) || isReply(error, /^(READONLY|MASTERDOWN)/);
}

/** The server executes no change now, because of its memory, its disk or its replicas. It can still be read. */
export function refusesChanges(error: unknown): boolean {
  return isReply(error, /^(OOM|MISCONF|NOREPLICAS)/);
}

/** The server executes no change, but no missing replica is the reason. */
export function isFull(error: unknown): boolean {
  return refusesChanges(error) && !isReply(error, /^NOREPLICAS/);
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
