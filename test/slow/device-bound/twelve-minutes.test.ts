import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { signInOnPage } from '../../helpers/browser.ts';
import { startBoundSite } from '../../helpers/device-bound.ts';
import { describeRefresh, isRefresh, isSigned } from '../../helpers/refreshes.ts';
import { BLANK_PATH, type Exchange } from '../../helpers/tls-front.ts';

// A user clicks every ten seconds for twelve minutes, with the default lifetimes and Chromium's limit of six signatures in nine
// minutes. `npm run test:twelve-minutes` runs this file, and not `npm run test:slow`. CLICK_SECONDS sets another duration.

const DURATION_SECONDS = Number(process.env.CLICK_SECONDS ?? 720);
const CLICK_MS = 10_000;

/** A challenge is how the browser learns what to sign. No user notices it. */
const isChallenge = (exchange: Exchange) =>
  isRefresh(exchange) && describeRefresh(exchange) === 'refresh 403 challenge';

// Without the command line of tap, the limit is half a minute.
t.setTimeout((DURATION_SECONDS + 600) * 1000);

t.test('a user who clicks every ten seconds for twelve minutes sees no 401', async (t) => {
  const site = await startBoundSite(t, {});
  if (site === undefined) {
    return;
  }
  const device = await site.open(t, { quota: true });
  const created = device.events.next('a registration', ({ what }) => what === 'created');
  await signInOnPage(device.page, site.origin);
  t.match(await created, { result: 'Success' });
  await device.page.goto(`${site.origin}${BLANK_PATH}`);

  const startedAt = performance.now();
  for (let click = 1; click * CLICK_MS <= DURATION_SECONDS * 1000; click++) {
    await sleep(startedAt + click * CLICK_MS - performance.now());
    if (click % 6 === 0) {
      const reply = await device.page.goto(`${site.origin}/account`);
      t.equal(`${reply?.status()} ${device.page.url()}`, `200 ${site.origin}/account`, `click ${click}`);
      await device.page.goto(`${site.origin}${BLANK_PATH}`);
    } else {
      t.equal(await device.welcome(), '200 Welcome user1!', `click ${click}`);
    }
  }

  const { all } = site.front.wire;
  const refreshes = all.filter(isRefresh);
  const unexpected = all.filter((exchange) => exchange.status >= 400 && !isChallenge(exchange));
  t.same(
    unexpected.map(({ method, path, status }) => `${method} ${path} ${status}`),
    [],
  );
  t.same(device.ends, []);
  t.comment(
    `${all.length} requests, ${refreshes.length} of them refreshes, ${refreshes.filter(isSigned).length} signatures, ` +
      `${all.filter(({ status }) => status === 401).length} x 401`,
  );
});
