import type { Registry } from 'prom-client';
import type { ObserveCall } from '../types.ts';
import { LatencyHistogram, register } from './latency-histogram.ts';
import { addTotal } from './process-metrics.ts';

const STORE_BUCKETS = [0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Adds the metrics of store calls. Returns the function that gets each call. */
export function storeMetrics(registry: Registry, hasNearCache: boolean): ObserveCall {
  const calls = new LatencyHistogram({
    name: 'login_store_operation_duration_seconds',
    help: 'Time of a call of a store. With Redis, a session that the near cache has is no call.',
    labelNames: ['store', 'operation', 'outcome'],
    buckets: STORE_BUCKETS,
  });
  calls.add('sessions', 'create', 'full');
  register(registry, calls);
  const call: ObserveCall = (store, method, milliseconds, outcome) =>
    calls.observe(milliseconds / 1000, toStoreLabel(store), method, outcome);
  return hasNearCache ? nearCacheMetrics(registry, call) : call;
}

/** The store answers a look-up at once if the session is in its cache, and with a promise otherwise. */
function nearCacheMetrics(registry: Registry, call: ObserveCall): ObserveCall {
  let hits = 0;
  let misses = 0;
  addTotal(registry, 'login_near_cache_hits_total', 'Look-ups of a session that the near cache answered.', () => hits);
  addTotal(
    registry,
    'login_near_cache_misses_total',
    'Look-ups of a session that were sent to the store.',
    () => misses,
  );
  return (store, method, milliseconds, outcome, sync) => {
    const isLookUp = method === 'find' && store === 'session store';
    if (isLookUp && sync) {
      hits++;
    } else {
      misses += Number(isLookUp);
      call(store, method, milliseconds, outcome, sync);
    }
  };
}

const STORE_LABELS: Readonly<Record<string, string>> = {
  'session store': 'sessions',
  'user store': 'users',
  'failure counter': 'failures',
};

function toStoreLabel(store: string): string {
  return STORE_LABELS[store] as string;
}
