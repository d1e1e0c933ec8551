import { Type } from '@sinclair/typebox';
import type { HttpErrorClass } from '../../errors.ts';
import { errorResponses } from '../schemas.ts';

export interface PageRoutesOptions {
  /** The minimum length of a new password, in characters. The account page says so. */
  readonly passwordMinLength: number;
  /** Whether sign-in offers to bind the session to its device. */
  readonly deviceBound: boolean;
}

const HTML = { 'text/html': { schema: Type.String({ maxLength: 65_536 }) } };

/** The response of a route that answers with a page. */
export function pageResponse(description: string) {
  return { description, content: HTML };
}

/** The response of a route that leads elsewhere. */
export function redirectResponse(description: string) {
  // No body.
  return { type: 'null', description, headers: { Location: Type.String({ maxLength: 4096 }) } };
}

/** The error pages, by status, like `errorResponses`. */
export function errorPages(...classes: HttpErrorClass[]) {
  const responses = Object.entries(errorResponses(...classes));
  return Object.fromEntries(responses.map(([status, response]) => [status, { ...response, content: HTML }]));
}
