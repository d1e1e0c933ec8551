import type { FastifyInstance } from 'fastify';
import { accountPage } from './account.ts';
import { logoutPage } from './logout.ts';
import { passwordPage } from './password.ts';
import { passwordLinkPage } from './password-link.ts';
import type { PageRoutesOptions } from './schemas.ts';
import { signinPage } from './signin.ts';

/** The routes that answer page requests. Register the plugin `pages` and the plugin `login` before them. */
export async function pageRoutes(app: FastifyInstance, options: PageRoutesOptions): Promise<void> {
  await app.register(signinPage, options);
  await app.register(accountPage, options);
  await app.register(passwordPage, options);
  await app.register(passwordLinkPage, options);
  await app.register(logoutPage);
}
