import { runTogether } from '../helpers/together.ts';

await runTogether('routes');
await runTogether('routes/pages');
await runTogether('pages');
await runTogether('pages/browser');
await runTogether('http');
