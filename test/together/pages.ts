import { runTogether } from '../helpers/together.ts';

await runTogether('pages');
await runTogether('pages/browser');
