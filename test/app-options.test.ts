import t from 'tap';
import { loginSettings, packagesFor } from '../src/app-options.ts';
import { parseConfig } from '../src/config.ts';

const PUBLIC_URL = 'https://example.com/login';

t.test(
  'the sessions get the path of POST /refresh as browsers see it, and the trusted origins of the site',
  async (t) => {
    const config = parseConfig({ PUBLIC_URL, TRUSTED_ORIGINS: 'https://app.example.com, https://*.example.org' });
    t.match(loginSettings(config).session, {
      deviceBound: {
        refreshPath: '/login/refresh',
        allowedInitiators: ['https://app.example.com'],
      },
      boundIdleSeconds: 900,
    });
    const { session } = loginSettings(parseConfig({ PUBLIC_URL: 'https://example.com', BOUND_IDLE_SECONDS: '600' }));
    t.match(session, { deviceBound: { refreshPath: '/refresh', allowedInitiators: [] }, boundIdleSeconds: 600 });
  },
);

t.test('prom-client is needed only with METRICS', async (t) => {
  t.notOk(packagesFor(parseConfig({})).includes('prom-client'));
  t.ok(packagesFor(parseConfig({ METRICS: '9464' })).includes('prom-client'));
});

t.test('the sessions are not bound if the setting is off', async (t) => {
  t.equal(loginSettings(parseConfig({})).session.deviceBound, false);
  t.equal(loginSettings(parseConfig({ PUBLIC_URL, DEVICE_BOUND_SESSIONS: 'off' })).session.deviceBound, false);
});
