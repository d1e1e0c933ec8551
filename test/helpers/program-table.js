import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The programs that tests start: the name of the command, and the Debian package that brings it. */
const PACKAGES = {
  caddy: 'caddy',
  chromium: 'chromium',
  curl: 'curl',
  'fail2ban-regex': 'fail2ban',
  haproxy: 'haproxy',
  nginx: 'nginx',
  openssl: 'openssl',
  promtool: 'prometheus',
  'redis-server': 'redis-server',
  script: 'bsdutils',
  'systemd-analyze': 'systemd',
};

/** Returns the names of the programs that `PATH` does not find. */
export function missingPrograms() {
  return Object.keys(PACKAGES).filter((name) => findProgram(name) === undefined);
}

/** Returns the path of a program of the table, or undefined if `PATH` does not find it. */
export function findProgram(name) {
  if (!Object.hasOwn(PACKAGES, name)) {
    throw new Error(`The table in test/helpers/program-table.js does not list ${name}.`);
  }
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

export function installCommand(names) {
  return `apt-get install ${packagesOf(names)}`;
}

function packagesOf(names) {
  return names.map((name) => PACKAGES[name]).join(' ');
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// `node test/helpers/program-table.js` prints the Debian packages to install. `.ci/run` uses it.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(packagesOf(missingPrograms()));
}
