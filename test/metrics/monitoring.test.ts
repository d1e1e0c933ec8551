import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from '../helpers/command-line.ts';
import { documentedMetrics, METRICS_ON } from '../helpers/metrics.ts';
import { program } from '../helpers/programs.ts';
import { build, signIn } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// The dashboard and the alert rules in examples/monitoring use metrics that exist.

const example = (name: string) => new URL(`../../examples/monitoring/${name}`, import.meta.url);
const ALERTS = fileURLToPath(example('alerts.yml'));
const dashboard = JSON.parse(readFileSync(example('dashboard.json'), 'utf8'));

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const panels: Panel[] = dashboard.panels;

const METRIC = /\b(?:login|nodejs|process)_[a-z\d_]+/g;

/** The names of metrics in an expression, without the endings of a histogram. */
const metricsOf = (text: string) => (text.match(METRIC) ?? []).map((name) => name.replace(/_(bucket|count|sum)$/, ''));

const known = new Map(documentedMetrics().map(({ name, labels }) => [name, labels]));

t.test('every metric of the dashboard and the alert rules exists', async (t) => {
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  for (const text of [...expressions, ...readFileSync(ALERTS, 'utf8').split('\n')]) {
    for (const name of metricsOf(text)) {
      t.ok(known.has(name), `${name} in ${text}`);
    }
  }
  const used = new Set(expressions.flatMap(metricsOf));
  t.same(
    [...known.keys()].filter((name) => !used.has(name)),
    [],
    'the dashboard shows all metrics',
  );
});

t.test('the labels that the dashboard and the alert rules use exist', async (t) => {
  const ofPrometheus = ['job', 'instance', 'le'];
  for (const text of [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    readFileSync(ALERTS, 'utf8'),
  ]) {
    for (const [, name = '', selector = ''] of text.matchAll(/\b((?:login|nodejs|process)_[a-z\d_]+)\{([^}]*)\}/g)) {
      const labels = known.get(metricsOf(name)[0] ?? '') ?? [];
      for (const [, label = ''] of selector.matchAll(/(\w+)[=!]/g)) {
        t.ok([...labels, ...ofPrometheus].includes(label), `${name} has the label ${label}`);
      }
    }
  }
});

t.test('the panels of the dashboard have ids and titles of their own', async (t) => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  t.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  t.ok(panels.length > 10);
});

t.test('promtool accepts the metrics and the alert rules', async (t) => {
  const path = program(t, 'promtool');
  if (path === undefined) {
    return;
  }
  const app = await build(t, { env: METRICS_ON });
  await signIn(app);
  const { text } = await app.collectMetrics();
  t.match(await run([path, 'check', 'metrics'], {}, text), { code: 0, out: '', err: '' });
  t.match(await run([path, 'check', 'rules', ALERTS], {}), { code: 0, out: /11 rules found/ });
});

/** What each alert needs to fire, as series in the notation of promtool: `start+step x times`. */
const CAUSES: Record<string, readonly { series: string; values: string }[]> = {
  LoginDown: [{ series: 'up{job="login"}', values: '0x60' }],
  LoginErrors: [
    { series: 'login_http_request_duration_seconds_count{status="200"}', values: '0+90x60' },
    { series: 'login_http_request_duration_seconds_count{status="503"}', values: '0+10x60' },
  ],
  LoginSlow: [
    { series: 'login_http_request_duration_seconds_bucket{route="/welcome",le="0.1"}', values: '0+90x60' },
    { series: 'login_http_request_duration_seconds_bucket{route="/welcome",le="1"}', values: '0+100x60' },
    { series: 'login_http_request_duration_seconds_bucket{route="/welcome",le="+Inf"}', values: '0+100x60' },
  ],
  LoginStoreErrors: [
    { series: 'login_store_operation_duration_seconds_count{store="sessions",outcome="error"}', values: '0+60x60' },
  ],
  LoginStoreFull: [
    { series: 'login_store_operation_duration_seconds_count{store="sessions",outcome="full"}', values: '0 0 0+1x60' },
  ],
  LoginHashQueueFull: [{ series: 'login_hash_queue_rejections_total', values: '0+1x60' }],
  LoginHashQueueSlow: [
    { series: 'login_hash_queue_wait_seconds_bucket{le="1"}', values: '0+10x60' },
    { series: 'login_hash_queue_wait_seconds_bucket{le="2.5"}', values: '0+100x60' },
    { series: 'login_hash_queue_wait_seconds_bucket{le="+Inf"}', values: '0+100x60' },
  ],
  LoginPasswordGuessing: [{ series: 'login_sign_ins_total{outcome="wrong_password"}', values: '0+300x60' }],
  LoginTokenReuse: [{ series: 'login_security_events_total{event="authn_token_reuse"}', values: '0+1x60' }],
  LoginEventLoopDelay: [{ series: 'nodejs_eventloop_delay_p99_seconds{job="login"}', values: '0.2x60' }],
  LoginOpenFiles: [
    { series: 'process_open_fds{job="login"}', values: '800x60' },
    { series: 'process_max_fds{job="login"}', values: '1000x60' },
  ],
};

t.test('each alert fires for its cause, and none without', async (t) => {
  const path = program(t, 'promtool');
  if (path === undefined) {
    return;
  }
  const names = [...readFileSync(ALERTS, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
  t.same(names.sort(), Object.keys(CAUSES).sort());
  const check = (input: object, alerts: readonly string[]) => ({
    interval: '1m',
    input_series: input,
    promql_expr_test: alerts.map((name) => ({
      expr: `count(ALERTS{alertname="${name}",alertstate="firing"}) > bool 0`,
      eval_time: '30m',
      exp_samples: [{ labels: '{}', value: 1 }],
    })),
  });
  const quiet = {
    interval: '1m',
    input_series: [
      { series: 'up{job="login"}', values: '1x60' },
      { series: 'login_http_request_duration_seconds_count{status="200"}', values: '0+100x60' },
      { series: 'login_sign_ins_total{outcome="success"}', values: '0+100x60' },
      { series: 'login_sign_ins_total{outcome="wrong_password"}', values: '0+1x60' },
      { series: 'login_hash_queue_rejections_total', values: '0x60' },
      { series: 'process_open_fds{job="login"}', values: '100x60' },
      { series: 'process_max_fds{job="login"}', values: '1000x60' },
    ],
    promql_expr_test: [{ expr: 'ALERTS', eval_time: '30m', exp_samples: [] }],
  };
  // JSON is YAML.
  const file = join(temporaryDirectory(t), 'alerts.test.json');
  const tests = [...Object.entries(CAUSES).map(([name, series]) => check(series, [name])), quiet];
  writeFileSync(file, JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '1m', tests }));
  const { code, out, err } = await run([path, 'test', 'rules', file], {});
  t.equal(code, 0, out + err);
});
