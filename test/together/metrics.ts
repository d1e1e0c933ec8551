import { runTogether } from '../helpers/together.ts';

await runTogether('metrics', 'listener');
