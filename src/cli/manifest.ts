import { readFileSync } from 'node:fs';

/** The version of the package, and the versions of Node.js that it supports. */
export const { version, engines } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; engines: { node: string } };
