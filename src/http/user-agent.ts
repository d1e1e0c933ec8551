import { BROWSER_MAP, OS_MAP, parse } from 'bowser';

/** No browser sends a longer `User-Agent`. */
const MAX_USER_AGENT = 512;
const BROWSERS: ReadonlySet<string | undefined> = new Set(Object.values(BROWSER_MAP));
const SYSTEMS: ReadonlySet<string | undefined> = new Set(Object.values(OS_MAP));

/**
 * A short name of the client, for the user to recognize: "Firefox on Linux", "curl". It contains only known names, or one
 * word, of the `User-Agent` header (RFC 9110, section 10.1.5).
 */
export function deviceName(userAgent: string | undefined): string {
  const text = userAgent?.slice(0, MAX_USER_AGENT) ?? '';
  return browserName(text) ?? firstProduct(text) ?? 'unknown device';
}

function browserName(userAgent: string): string | undefined {
  if (userAgent === '') {
    return undefined;
  }
  const { browser, os } = parse(userAgent);
  if (!BROWSERS.has(browser.name)) {
    return undefined;
  }
  return SYSTEMS.has(os.name) ? `${browser.name} on ${os.name}` : browser.name;
}

function firstProduct(userAgent: string): string | undefined {
  return /^[A-Za-z][\w.-]{0,31}(?=\/|$)/.exec(userAgent)?.[0];
}
