// Loads TypeScript in the tests, as a module hook of Node (`.taprc`).
//
// tap's own loader compiles every file again in each process, which takes four seconds for the service. This one keeps
// what it compiled in node_modules/.cache. It does not load the compiler at all if no file has changed. Before `npm test`,
// scripts/compile-tests.js fills the cache: one process then loads the compiler, instead of each that finds a new file.
//
// The hooks of tap handle each module as well: one for mocks, and one for a list of the files that a test loads. No test
// here needs them. They take half a second for the 400 modules of the service. The hooks below run first, and pass a
// module on only if they do not know its format.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const ROOT = new URL('../../node_modules/', import.meta.url);
const CACHE = fileURLToPath(new URL('.cache/load-typescript/', ROOT));
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
/** What a compiled file depends on besides its source: the compiler and the options below. */
const DEPENDENCIES = sha256(
  ...[new URL('typescript/package.json', ROOT), import.meta.url].map((url) => readFileSync(new URL(url))),
);

// Node evaluates this module twice: `--import` does it in the process, and `register` in the thread of the hooks.
if (isMainThread) {
  mkdirSync(CACHE, { recursive: true });
  register(import.meta.url);
}

/** A relative path with one of these extensions needs no look-up, and is an ES module. */
const RELATIVE_MODULE = /^\.\.?\/.*\.(ts|mjs)$/;

export function resolve(specifier, context, nextResolve) {
  if (specifier.startsWith('node:')) {
    return { url: specifier, format: 'builtin', shortCircuit: true };
  }
  if (RELATIVE_MODULE.test(specifier)) {
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  }
  return nextResolve(specifier, context);
}

export async function load(url, context, nextLoad) {
  const { format } = context;
  if (/^file:.*\.ts$/.test(url)) {
    return { format: 'module', shortCircuit: true, source: await compiled(url) };
  }
  if (format === 'builtin' || format === 'commonjs') {
    // Node loads these itself.
    return { format, shortCircuit: true, source: null };
  }
  if (format === 'module' && url.startsWith('file:')) {
    return { format, shortCircuit: true, source: readFileSync(new URL(url)) };
  }
  return nextLoad(url, context);
}

/** The compiled file ends with a digest of everything that it was made of. */
export async function compiled(url) {
  const source = readFileSync(new URL(url));
  const cached = `${CACHE}${sha256(url)}.js`;
  const mark = `\n// ${sha256(source, DEPENDENCIES)}\n`;
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
