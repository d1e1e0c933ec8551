import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import root, { type Test } from 'tap';
import { temporaryDirectory } from './temporary-directory.ts';

// Installs the packed package into an empty folder, as a user does. npm then chooses the versions of the dependencies.
// Neither package-lock.json nor devDependencies have an effect there.

/** NODE_VERSIONS=22,24,26 runs other versions. */
const OTHER_NODES = (process.env.NODE_VERSIONS ?? '26').split(',');

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Returns an empty folder with a `package.json`. */
export function emptyFolder(t: Test, manifest: object = { type: 'module' }): string {
  const path = temporaryDirectory(t);
  writeFileSync(`${path}/package.json`, JSON.stringify({ private: true, ...manifest }));
  return path;
}

let packed: string | undefined;

/** Packs the package, once for each test file, and returns the path. `npm run test:packed` has built dist before. */
export function tarball(): string {
  packed ??= pack();
  return packed;
}

function pack(): string {
  const path = temporaryDirectory(root);
  npm(ROOT, 'pack', '--silent', '--ignore-scripts', '--pack-destination', path);
  return `${path}/${readdirSync(path)[0]}`;
}

/** Installs packages without install scripts, as npm does by default from version 12. */
export function install(cwd: string, ...packages: string[]): void {
  npm(cwd, 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', ...packages);
}

/** Installs the packed package and others into an empty folder. */
export function installPackage(t: Test, ...others: string[]): string {
  const path = emptyFolder(t);
  install(path, tarball(), ...others);
  return path;
}

/** The packages in the command `npm install … FILE.tgz` of a page, without the file itself. */
export function installCommandOf(page: string): string[] {
  const text = readFileSync(`${ROOT}/${page}`, 'utf8').replaceAll('\\\n', ' ');
  const [, words = ''] = /^npm install (.*\.tgz.*)$/m.exec(text) ?? [];
  return words.split(/\s+/).filter((word) => !word.endsWith('.tgz'));
}

/** The names of the packages that are installed in a folder. */
export function installedPackages(cwd: string): string[] {
  const lock = JSON.parse(readFileSync(`${cwd}/node_modules/.package-lock.json`, 'utf8'));
  return Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ''));
}

/** The paths of the Node that runs this test, and of other versions. */
export function nodes(t: Test): string[] {
  return [process.execPath, ...OTHER_NODES.map((version) => installNode(t, version))];
}

/** The package for the platform needs no install script. */
function installNode(t: Test, version: string): string {
  const path = emptyFolder(t);
  const name = `node-${process.platform}-${process.arch}`;
  install(path, '--no-save', `${name}@${version}`);
  return `${path}/node_modules/${name}/bin/node`;
}

export function versionOf(node: string): string {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}

/** Runs a program and returns what it prints. Throws with its output if it fails. */
export function output(cwd: string, file: string, ...args: string[]): string {
  try {
    return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${[file, ...args].join(' ')}\n${stdout}${stderr}`);
  }
}
