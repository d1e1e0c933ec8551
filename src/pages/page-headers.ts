/** The headers of a page. `form-action` also applies to the redirect after a form, which may lead to a trusted origin. */
export function pageHeaders({
  trustedOrigins,
}: {
  readonly trustedOrigins: readonly string[];
}): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    ['form-action', "'self'", ...trustedOrigins].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  return withPolicy(policy);
}

/** The same for a page that a proxy shows at the origin of another app. */
export function pageHeadersAtApp({ publicOrigin }: { readonly publicOrigin: string }): Record<string, string> {
  return withPolicy([
    "default-src 'none'",
    `style-src ${publicOrigin}`,
    `img-src ${publicOrigin}`,
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]);
}

function withPolicy(policy: string[]): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
  };
}
