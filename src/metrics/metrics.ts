import { Counter, Histogram, Registry } from 'prom-client';
import { type EventDetails, type Observer, type SecurityEvent, securityEvents } from '../http/security-events.ts';
import type { QueueObserver } from '../users/fair-queue.ts';
import { LatencyHistogram, register } from './latency-histogram.ts';
import { addGauge, addProcessMetrics } from './process-metrics.ts';
import { storeMetrics } from './store-metrics.ts';

/** What the gauges read when the metrics are collected. */
export interface MetricsSources {
  /** The password hashes that are computed, and those that wait. */
  readonly hashes: () => { readonly running: number; readonly waiting: number };
  /** The sessions in the store, if it knows their number. */
  readonly sessions: () => number | undefined;
  /** Whether the store answers at once if it has a session in its cache, and only then. */
  readonly hasNearCache: boolean;
}

export interface Metrics {
  readonly registry: Registry;
  readonly observer: Observer;
  readonly queue: QueueObserver;
  /** By method, route and status. */
  readonly requests: LatencyHistogram;
  /** Stops what is measured in between. */
  stop(): void;
}

/** The reasons of `authn_login_fail`. */
export const SIGN_IN_FAILURES = [
  'wrong password',
  'unknown user',
  'disabled user',
  'password expired',
  'no longer allowed',
] as const;
/** The reasons of `session_expired`. */
export const SESSION_ENDINGS = [
  'signed out',
  'signed in again',
  'too many sessions',
  'revoked',
  'password changed',
  'reused token',
] as const;
const LIMITS = ['address', 'user', 'pair', 'device', 'link'];

const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const WAIT_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * The metrics of a service. The names and units follow https://prometheus.io/docs/practices/naming/. Each label has a small set of
 * values: no user name, address or id of a session is in one.
 */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const stop = addProcessMetrics(registry);
  addGauges(registry, sources);
  const requests = new LatencyHistogram({
    name: 'login_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its reply.',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_BUCKETS,
  });
  const count = eventCounters(registry);
  const storeCall = storeMetrics(registry, sources.hasNearCache);
  register(registry, requests);
  return { registry, requests, queue: queueMetrics(registry), observer: { event: count, storeCall }, stop };
}

function addGauges(registry: Registry, { hashes, sessions }: MetricsSources): void {
  addGauge(registry, 'login_hash_queue_running', 'Password hashes that are computed.', () => hashes().running);
  addGauge(registry, 'login_hash_queue_waiting', 'Password hashes that wait.', () => hashes().waiting);
  if (sessions() !== undefined) {
    const help = 'Sessions in the store. An expired one counts until the store removes it.';
    addGauge(registry, 'login_sessions', help, () => sessions() as number);
  }
}

/** Adds a counter with one label. Its known values start at zero, so that the first increase shows. */
function addCounter(registry: Registry, name: string, help: string, label: string, values: readonly string[]) {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
  for (const value of values) {
    counter.inc({ [label]: toLabel(value) }, 0);
  }
  return (value: string, by = 1) => counter.inc({ [label]: values.includes(value) ? toLabel(value) : 'other' }, by);
}

function toLabel(text: string): string {
  return text.replaceAll(' ', '_');
}

/** Counts security events. They are the one place that all sign-ins and all changes of sessions pass. */
function eventCounters(registry: Registry): Observer['event'] {
  const events = addCounter(
    registry,
    'login_security_events_total',
    'Security events, also those above the limit of the log.',
    'event',
    Object.keys(securityEvents),
  );
  const count = { ...signInCounters(registry), ...sessionCounters(registry) };
  return (event, details) => {
    events(event);
    count[event]?.(details);
  };
}

type EventCounters = Partial<Record<SecurityEvent, (details: EventDetails) => void>>;

function signInCounters(registry: Registry): EventCounters {
  const signIns = addCounter(
    registry,
    'login_sign_ins_total',
    'Checks of a name and a password, at sign-in and before a change of the password, by outcome.',
    'outcome',
    ['success', 'throttled', ...SIGN_IN_FAILURES],
  );
  const refusals = addCounter(
    registry,
    'login_throttle_refusals_total',
    'Passwords, and links to set one, that were not checked because of too many failures, by limit.',
    'limit',
    LIMITS,
  );
  return {
    authn_login_success: () => signIns('success'),
    authn_login_fail: ({ reason = '' }) => signIns(reason),
    excess_rate_limit_exceeded: ({ limit = '' }) => {
      if (limit !== 'link') {
        signIns('throttled');
      }
      for (const name of limit.split(' ')) {
        refusals(name);
      }
    },
  };
}

function sessionCounters(registry: Registry): EventCounters {
  const registers = [registry];
  const created = new Counter({ name: 'login_sessions_created_total', help: 'Sessions that started.', registers });
  const refreshed = addCounter(
    registry,
    'login_sessions_refreshed_total',
    'New tokens of sessions, by whether the session is bound to a device.',
    'bound',
    ['true', 'false'],
  );
  const ended = addCounter(
    registry,
    'login_sessions_ended_total',
    'Sessions that a request ended, by reason. Expired sessions are not counted.',
    'reason',
    SESSION_ENDINGS,
  );
  return {
    session_created: () => created.inc(),
    session_renewed: () => refreshed('false'),
    device_bound_refreshed: () => refreshed('true'),
    session_expired: ({ reason = '', count = 1 }) => ended(reason, count),
  };
}

function queueMetrics(registry: Registry): QueueObserver {
  const registers = [registry];
  const waits = new Histogram({
    name: 'login_hash_queue_wait_seconds',
    help: 'Time that password hashes waited for their start.',
    buckets: WAIT_BUCKETS,
    registers,
  });
  const rejections = new Counter({
    name: 'login_hash_queue_rejections_total',
    help: 'Password hashes that a full queue rejected. The sign-in was answered with 503.',
    registers,
  });
  return {
    started: (waitedMs) => waits.observe(waitedMs / 1000),
    rejected: () => rejections.inc(),
  };
}
