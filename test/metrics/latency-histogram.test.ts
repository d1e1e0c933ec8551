import { Registry } from 'prom-client';
import t from 'tap';
import { LatencyHistogram } from '../../src/metrics/latency-histogram.ts';
import { parseSamples } from '../helpers/metrics.ts';

const newHistogram = () =>
  new LatencyHistogram({ name: 'wait_seconds', help: 'A wait.', labelNames: ['a', 'b', 'c'], buckets: [0.1, 0.5, 1] });

async function textOf(histogram: LatencyHistogram): Promise<string> {
  const registry = new Registry();
  registry.registerMetric(histogram as never);
  return registry.metrics();
}

t.test('a bucket counts the values up to its bound, and the last one counts all', async (t) => {
  const histogram = newHistogram();
  for (const seconds of [0, 0.1, 0.11, 0.5, 0.75, 2, 100]) {
    histogram.observe(seconds, 'x', 'y', 200);
  }
  const text = await textOf(histogram);
  t.match(text, /^# HELP wait_seconds A wait\.\n# TYPE wait_seconds histogram\n/);
  const samples = parseSamples(text);
  const bucket = (le: string) => samples.get(`wait_seconds_bucket{le="${le}",a="x",b="y",c="200"}`);
  t.same(['0.1', '0.5', '1', '+Inf'].map(bucket), [2, 4, 5, 7]);
  t.equal(samples.get('wait_seconds_count{a="x",b="y",c="200"}'), 7);
  t.equal(samples.get('wait_seconds_sum{a="x",b="y",c="200"}'), 103.46);
});

t.test('each combination of labels has values of its own', async (t) => {
  const histogram = newHistogram();
  histogram.observe(1, 'x', 'y', 200);
  histogram.observe(1, 'x', 'y', 404);
  histogram.observe(1, 'x', 'z', 200);
  histogram.observe(1, 'w', 'y', 200);
  histogram.observe(1, 'w', 'y', 200);
  const samples = parseSamples(await textOf(histogram));
  const counts = [...samples].filter(([name]) => name.includes('_count')).map(([, count]) => count);
  t.same(counts, [1, 1, 1, 2]);
});

t.test('a series can be added before its first value', async (t) => {
  const histogram = newHistogram();
  t.equal(parseSamples(await textOf(histogram)).size, 0);
  histogram.add('x', 'y', 'z');
  t.equal(parseSamples(await textOf(histogram)).get('wait_seconds_count{a="x",b="y",c="z"}'), 0);
  histogram.observe(2, 'x', 'y', 'z');
  t.equal(parseSamples(await textOf(histogram)).get('wait_seconds_count{a="x",b="y",c="z"}'), 1);
});
