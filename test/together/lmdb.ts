import { runTogether } from '../helpers/together.ts';

await runTogether('stores/lmdb', 'environment', 'full-disk', 'namespace-claim');
