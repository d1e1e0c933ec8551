import { runTogether } from '../helpers/together.ts';

await runTogether('stores/redis', 'connection', 'session-store');
