// Loads TypeScript in the tests, as a module hook of Node (`.taprc`).
//
// tap's own loader compiles every file again in each process, which takes four seconds for the service. This one keeps
// what it compiled in node_modules/.cache. It does not load the compiler at all if no file has changed.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const ROOT = new URL('../../node_modules/', import.meta.url);
const CACHE = fileURLToPath(new URL('.cache/load-typescript/', ROOT));
/** What a compiled file depends on besides its source: the compiler and the options below. */
const DEPENDENCIES = [new URL('typescript/package.json', ROOT), import.meta.url].map((url) =>
  readFileSync(new URL(url)),
);

// Node evaluates this module twice: `--import` does it in the process, and `register` in the thread of the hooks.
if (isMainThread) {
  mkdirSync(CACHE, { recursive: true });
  register(import.meta.url);
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

export async function load(url, context, nextLoad) {
  if (!/^file:.*\.ts$/.test(url)) {
    return nextLoad(url, context);
  }
  return { format: 'module', shortCircuit: true, source: await compiled(url) };
}

/** The compiled file ends with a digest of everything that it was made of. */
async function compiled(url) {
  const source = readFileSync(new URL(url));
  const cached = `${CACHE}${sha256(url)}.js`;
  const mark = `\n// ${sha256(source, ...DEPENDENCIES)}\n`;
  const found = read(cached);
  if (found?.endsWith(mark)) {
    return found;
  }
  const code = (await compile(url, source.toString())) + mark;
  // Two test files run at a time: no process may read what another has half written.
  writeFileSync(`${cached}.${process.pid}`, code);
  renameSync(`${cached}.${process.pid}`, cached);
  return code;
}

async function compile(url, source) {
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
    inlineSources: true,
  };
  return ts.transpileModule(source, { fileName: fileURLToPath(url), compilerOptions }).outputText;
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
