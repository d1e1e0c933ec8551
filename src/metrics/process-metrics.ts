import { existsSync, readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { openFileLimit } from '../plugins/connections.ts';

const RESOLUTION_MS = 10;
const OPEN_FILES = '/proc/self/fd';

/**
 * Adds the figures of the process, with the names that Prometheus recommends for all programs
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). Returns a function that stops the measurement.
 *
 * `collectDefaultMetrics` of prom-client has them as well, but also observes each run of the garbage collector. Under load this
 * takes a tenth of the CPU time of the process.
 */
export function addProcessMetrics(registry: Registry): () => void {
  const add = (name: string, help: string, read: () => number) => addGauge(registry, name, help, read);
  addCpuTime(registry);
  add('process_start_time_seconds', 'Start of the process, as Unix time.', () => performance.timeOrigin / 1000);
  add('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  add('nodejs_heap_size_used_bytes', 'Used memory of the heap.', () => process.memoryUsage().heapUsed);
  add('nodejs_external_memory_bytes', 'Memory outside of the heap.', () => process.memoryUsage().external);
  // Linux only.
  if (existsSync(OPEN_FILES)) {
    const limit = openFileLimit();
    // Reading the folder opens it.
    add('process_open_fds', 'Open files and connections.', () => readdirSync(OPEN_FILES).length - 1);
    add('process_max_fds', 'The limit of open files and connections.', () => limit);
  }
  return addEventLoopDelay(registry);
}

/** Adds a metric that is read when the metrics are collected. */
export function addGauge(registry: Registry, name: string, help: string, read: () => number): void {
  const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
}

/** The same for a number that only grows. */
export function addTotal(registry: Registry, name: string, help: string, read: () => number): void {
  const counter: Counter = new Counter({
    name,
    help,
    registers: [registry],
    collect: () => {
      counter.reset();
      counter.inc(read());
    },
  });
}

function addCpuTime(registry: Registry): void {
  addTotal(registry, 'process_cpu_seconds_total', 'CPU time in user mode and in the kernel.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
}

/** Since the collection before. Node measures the time between two runs of a timer: its interval is no delay. */
function addEventLoopDelay(registry: Registry): () => void {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  const add = (name: string, percentile: number) => {
    const read = () => Math.max(0, monitor.percentile(percentile) / 1e6 - RESOLUTION_MS) / 1000;
    const help = `Delay of the event loop since the collection before, percentile ${percentile}.`;
    addGauge(registry, `nodejs_eventloop_delay_${name}_seconds`, help, read);
  };
  add('p50', 50);
  add('p99', 99);
  const gauge: Gauge = new Gauge({
    name: 'nodejs_eventloop_delay_max_seconds',
    help: 'The longest delay of the event loop since the collection before.',
    registers: [registry],
    // The registry reads the metrics in the order in which they were added.
    collect: () => {
      gauge.set(Math.max(0, monitor.max / 1e6 - RESOLUTION_MS) / 1000);
      monitor.reset();
    },
  });
  return () => monitor.disable();
}
