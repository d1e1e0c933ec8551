import { type TObject, Type } from '@sinclair/typebox';
import {
  BadRequest,
  BodyTooLarge,
  type CatalogueError,
  CrossOriginRefused,
  type catalogue,
  errorReply,
  InternalError,
  UnsupportedMediaType,
} from '../errors.ts';

type CatalogueEntry = (typeof catalogue)[number];

/** What any POST may be refused for, whatever it does. */
export const anyPost = [BadRequest, CrossOriginRefused, BodyTooLarge, UnsupportedMediaType] as const;

/**
 * The reply schemas of a route's refusals, by status: these errors of the catalogue, and the 500 that any route
 * may have to give.
 */
export function refusals(...entries: CatalogueEntry[]): Record<number, ReturnType<typeof errorSchema>> {
  const errors = [...entries, InternalError].map(sample);
  const statuses = new Set(errors.map(({ statusCode }) => statusCode));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      errorSchema(errors.filter((error) => error.statusCode === status)),
    ]),
  );
}

function sample(Entry: CatalogueEntry): CatalogueError {
  const error: CatalogueError = new Entry();
  error.message = error.message.replace('%s', 'body/username must be string');
  return error;
}

/** The schema of a reply that is one of these errors, all of one status. */
function errorSchema(errors: CatalogueError[]) {
  const properties = {
    statusCode: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({
      enum: errors.map(({ code }) => code),
      description: 'For programs; does not change.',
    }),
    error: Type.String({ description: 'The status in words.' }),
    message: Type.String({ description: 'For people; may change.' }),
  };
  return Type.Object(properties, {
    description: errors.map(({ message }) => message).join(' Or: '),
    examples: errors.map(errorReply),
    ...(errors.some(({ headers }) => headers?.['retry-after']) && { headers: { 'Retry-After': RetryAfter } }),
  });
}

const RetryAfter = Type.Integer({ minimum: 1, description: 'Seconds to wait before trying again.' });

/** The header of every reply that writes the session cookie. `description` says what it writes. */
export function setCookieHeader(description: string): { headers: Record<string, TObject[string]> } {
  return { headers: { 'Set-Cookie': Type.String({ description }) } };
}
