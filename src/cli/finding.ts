/** The result of one check. An error makes the service fail or unsafe, a warning may be on purpose. */
export interface Finding {
  readonly check: 'versions' | 'settings' | 'files' | 'proxy' | 'public url' | 'store' | 'users';
  readonly status: 'ok' | 'warning' | 'error';
  readonly message: string;
}
