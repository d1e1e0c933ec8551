import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Eta } from 'eta';
import { texts } from './texts.ts';

/** What all pages share. */
export interface Site {
  readonly name: string;
  /** What is before the path of every page: nothing, a path such as `/login`, or the `PUBLIC_URL`. */
  readonly basePath: string;
  /** The URL of the logo, if there is one. */
  readonly logo?: string | undefined;
  readonly icon: string;
  /** The URLs of the style sheets, in the order in which they apply. */
  readonly styles: readonly string[];
  /** The URL of the page script, if pages have one. */
  readonly script?: string;
}

/** A page: its template, what all templates use, and the values of its own template. */
export interface Page {
  readonly template: 'signin' | 'account' | 'password-link' | 'logout' | 'error';
  readonly title: string;
  /** Whether the page reports an error. */
  readonly hasError?: boolean;
  /**
   * The path that shows this page again, without the base path. The page goes there when the browser restores it. A page that
   * shows nothing of a user has none.
   */
  readonly self?: string;
  readonly [value: string]: unknown;
}

export type RenderPage = (page: Page) => string;

const TEMPLATES = new URL('templates/', import.meta.url);

/** Compiles the templates. A template escapes every value, except for the body in the layout. */
export function createRenderer(site: Site): RenderPage {
  const eta = new Eta({ autoEscape: true, rmWhitespace: true });
  for (const file of readdirSync(TEMPLATES)) {
    eta.loadTemplate(`@${basename(file, '.eta')}`, readFileSync(new URL(file, TEMPLATES), 'utf8'));
  }
  return (page) => {
    const values = { ...page, site, texts };
    return eta.render('@layout', { ...values, body: eta.render(`@${page.template}`, values) });
  };
}
