import { runTogether } from '../helpers/together.ts';

await runTogether('.', 'cli', 'config', 'examples', 'server');
await runTogether('exports');
await runTogether('testing');
