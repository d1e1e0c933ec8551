import { runTogether } from '../helpers/together.ts';

await runTogether('stores/memory');
