import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { screenshot, signInOnPage, startSite } from '../../helpers/browser.ts';
import { USER1 } from '../../helpers/service.ts';

// WCAG 2.2 AA: what axe-core finds, and what it cannot see.

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Opens each page in each of its states. */
const PAGES: Record<string, (page: Page, origin: string) => Promise<unknown>> = {
  'sign-in': (page, origin) => page.goto(`${origin}/signin?next=/account`),
  'sign-in-failed': (page, origin) => signInOnPage(page, origin, { ...USER1, password: 'wrong' }),
  account: (page, origin) => signInOnPage(page, origin),
  confirm: (page, origin) => page.goto(`${origin}/signin?next=/account`),
  'account-done': (page, origin) => page.goto(`${origin}/account?done=others`),
  'password-refused': async (page) => {
    await page.getByLabel('Current password').fill('password1');
    await page.getByLabel('New password').fill('short');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('it must have 15 or more').waitFor();
  },
  expiring: async (page, origin) => {
    await page.goto(`${origin}/account`);
    await page.locator('body.live').waitFor();
    await page.locator('dialog').evaluate((dialog) => (dialog as unknown as { showModal(): void }).showModal());
  },
  'signed-out': (page, origin) => page.goto(`${origin}/logout`),
  'password-link': (page, origin) => page.goto(`${origin}/password/link?token=x`),
  'password-link-invalid': async (page) => {
    await page.getByLabel('New password').fill('another horse, a battery');
    await page.getByRole('button', { name: 'Set password' }).click();
    await page.getByText('This link is not valid').waitFor();
  },
  'not-found': (page, origin) => page.goto(`${origin}/nowhere`),
};

const site = await startSite(t);

/** Opens all pages in one profile, and calls `check` on each. */
async function visit(t: Test, options: BrowserContextOptions, check: (page: Page, name: string) => Promise<void>) {
  const { origin, profile } = site as NonNullable<typeof site>;
  const others = ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'curl/8.5.0'];
  for (const userAgent of others) {
    await signInOnPage(await (await profile(t, { userAgent })).newPage(), origin);
  }
  const page = await (await profile(t, options)).newPage();
  for (const [name, open] of Object.entries(PAGES)) {
    await open(page, origin);
    // A form leads to a page whose text is there before its styles and scripts.
    await page.waitForLoadState();
    await check(page, name);
  }
}

if (site !== undefined) {
  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`axe-core finds nothing on any page, ${colorScheme}`, async (t) => {
      // The policy of the pages would refuse the script of axe-core.
      await visit(t, { colorScheme, bypassCSP: true }, async (page, name) => {
        await screenshot(page, `${name}-${colorScheme}`);
        await page.addScriptTag({ content: axe });
        const { violations, passes } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(TAGS)} })`);
        t.same(
          violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
          [],
          name,
        );
        t.ok(passes.length > 8, `${name}: ${passes.length} rules pass`);
      });
    });
  }

  t.test('at 320 px nothing is cut off', async (t) => {
    await visit(t, { viewport: { width: 320, height: 640 } }, async (page, name) => {
      await screenshot(page, `${name}-320px`);
      t.equal(await page.evaluate<number>('document.documentElement.scrollWidth'), 320, name);
      t.same(await overflowing(page), [], name);
    });
  });

  t.test('with text of twice the size nothing is cut off (WCAG 1.4.4)', async (t) => {
    await visit(t, { viewport: { width: 640, height: 800 }, bypassCSP: true }, async (page, name) => {
      await page.addStyleTag({ content: 'html { font-size: 200% }' });
      t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 640, name);
      t.same(await overflowing(page), [], name);
    });
  });

  t.test('every target has at least 24 by 24 px (WCAG 2.5.8)', async (t) => {
    await visit(t, { viewport: { width: 320, height: 640 } }, async (page, name) => {
      const sizes = await page.locator('button:visible, a:visible, input:visible').evaluateAll((elements) =>
        elements
          .map((element) => element.getBoundingClientRect())
          // The script of the page may have hidden one since it was found.
          .filter(({ width, height }) => width > 0 && height > 0)
          .map(({ width, height }) => Math.min(width, height)),
      );
      t.ok(sizes.length > 0);
      t.ok(Math.min(...sizes) >= 24, `${name}: ${Math.min(...sizes)}`);
    });
  });

  t.test('the time left is announced by nothing, and read when the dialog opens', async (t) => {
    await visit(t, {}, async (page, name) => {
      t.equal(await page.locator('[role=alert] .clock, [role=status] .clock, [aria-live] .clock').count(), 0, name);
      if (name === 'expiring') {
        t.match(await page.locator('dialog').ariaSnapshot(), /You will be signed out in:[\s\S]*timer/);
        t.equal(await page.locator('dialog [role=timer]').getAttribute('aria-live'), null, 'off by default');
      }
    });
  });
}

/** The elements whose content is wider than they are. */
function overflowing(page: Page): Promise<string[]> {
  return page
    .locator('body :visible:not(.hidden)')
    .evaluateAll((elements) =>
      elements
        .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
        .map(({ outerHTML }) => outerHTML.slice(0, 80)),
    );
}
