import { REQUEST_ID_HEADER } from './request-id.ts';

export interface ReplyHeadersOptions {
  /** Whether browsers use HTTPS. They are then told never to use anything else (HSTS). */
  readonly https: boolean;
}

/**
 * The headers of every reply: the id of the request, and those of the OWASP REST Security Cheat Sheet that have an effect on
 * data. A page also needs {@link DOCUMENT_HEADERS}.
 */
export function replyHeadersFor(id: string, { https }: ReplyHeadersOptions): Record<string, string> {
  return {
    [REQUEST_ID_HEADER]: id,
    // A reply is data: a browser that shows it as a page runs, loads and frames nothing.
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'cache-control': 'no-store',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    // One year (OWASP ASVS 5.0, 3.4.1). Browsers ignore the header over plain HTTP (RFC 6797, section 7.2).
    ...(https && { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }),
  };
}

/** The other security headers of a page. They have no effect on a reply that a script or a program reads. */
export const DOCUMENT_HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  // With no-referrer, browsers send `Origin: null` over plain HTTP, which the cross-origin guard refuses.
  'referrer-policy': 'same-origin',
  // For browsers without frame-ancestors.
  'x-frame-options': 'DENY',
} as const;
