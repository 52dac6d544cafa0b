import { createHash } from 'node:crypto';
import { closeSync, fdatasync, linkSync, mkdirSync, openSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Pool } from 'undici';

/**
 * The least that a program on Node does with files that must be whole and stay: each is fetched, hashed, written, made
 * durable beside others, and then gets its name. Nothing is looked at, nothing can be resumed. Run as
 * `bare-node.js ORIGIN PATH COUNT FOLDER`.
 */
const [origin = '', path = '', count = '', folder = ''] = process.argv.slice(2);
/** Requests at once, as many as an export has by default; as many files again are being stored. */
const AT_ONCE = 8;

const sync = promisify(fdatasync);
const pool = new Pool(origin, { connections: AT_ONCE });
let next = 0;

async function fetchOne(number: number): Promise<() => Promise<void>> {
  const { statusCode, body } = await pool.request({ method: 'GET', path: `${path}/${number}` });
  if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`);
  const chunks: Buffer[] = [];
  const hash = createHash('sha256');
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    hash.update(chunk);
  }
  hash.digest('hex');
  return async () => {
    const name = join(folder, String(number));
    const file = openSync(`${name}.part`, 'wx');
    writevSync(file, chunks);
    await sync(file);
    closeSync(file);
    linkSync(`${name}.part`, name);
    unlinkSync(`${name}.part`);
  };
}

async function work(): Promise<void> {
  let storing = Promise.resolve();
  for (let number = next++; number < Number(count); number = next++) {
    const store = await fetchOne(number);
    await storing;
    storing = store();
  }
  await storing;
}

mkdirSync(folder, { recursive: true });
await Promise.all(Array.from({ length: AT_ONCE }, work));
await pool.close();
