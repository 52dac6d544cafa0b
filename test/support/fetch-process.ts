import { HttpClient } from '../../src/http/http-client.ts';
import { attemptFile } from './fetch-attempt.ts';

/**
 * Fetches a file as a process of its own, again and again until it comes whole. Run from the build in dist/ with root
 * and URL; prints what came of it, with the most memory that the process ever had.
 */
const [root = '', url = ''] = process.argv.slice(2);
const http = new HttpClient();
const outcomes: unknown[] = [];
for (;;) {
  const outcome = await attemptFile({ http, root, url });
  outcomes.push(outcome);
  if ('sha256' in outcome || outcomes.length === 5) break;
}
await http.close();
console.log(JSON.stringify({ outcomes, kilobytes: process.resourceUsage().maxRSS }));
