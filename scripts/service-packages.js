// Changes package.json for the image of the service (Dockerfile): the optional packages become dependencies, and nothing is a
// development dependency. `npm prune` then leaves the packages that the service needs.
import { readFileSync, writeFileSync } from 'node:fs';

const { peerDependencies, devDependencies, overrides, dependencies, ...manifest } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);
delete manifest.peerDependenciesMeta;
const changed = { ...manifest, dependencies: { ...peerDependencies, ...dependencies } };
writeFileSync('package.json', `${JSON.stringify(changed, null, 2)}\n`);
