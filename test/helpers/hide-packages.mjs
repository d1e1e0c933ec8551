// Hides the packages in HIDDEN_PACKAGES, as if they were not installed: node --import=…/hide-packages.mjs
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// Node evaluates this module twice: `--import` does it in the process, and `register` in the thread of the hooks.
if (isMainThread) {
  register(import.meta.url);
}

const hidden = (process.env.HIDDEN_PACKAGES ?? '').split(' ');

export function resolve(specifier, context, nextResolve) {
  if (hidden.includes(specifier)) {
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' });
  }
  return nextResolve(specifier, context);
}
