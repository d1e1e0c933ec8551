import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../processes/welcome-headers.js', import.meta.url));

/**
 * The headers that the service adds to a bare reply to GET /welcome. Another process asks it, so that the code of this
 * one runs for one app only.
 * @returns {Record<string, string>}
 */
export const welcomeHeaders = () => JSON.parse(execFileSync(process.execPath, [SCRIPT], { encoding: 'utf8' }));
