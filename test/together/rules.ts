import { runTogether } from '../helpers/together.ts';

await runTogether('users');
await runTogether('sessions');
await runTogether('stores');
await runTogether('stores/memory');
await runTogether('metrics');
