import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

const roots = ['src', 'dev', 'test', 'bench'];

/** Removes compiled files from `dist/` whose source no longer exists. The compiler itself does not. */
export async function removeOrphans(project: string): Promise<void> {
  for (const root of roots) {
    const folder = join(project, 'dist', root);
    if (!existsSync(folder)) continue;
    for (const file of await readdir(folder, { recursive: true })) {
      const [, stem, kind = ''] = /^(.*?)(?:\.d)?\.(c?)(?:js|js\.map|ts)$/.exec(file) ?? [];
      if (stem !== undefined && !existsSync(join(project, root, `${stem}.${kind}ts`))) await rm(join(folder, file));
    }
  }
}

/**
 * Writes `dist/workflow-bundle.js`, which workers load, and its siblings: `.encrypted` for those that encrypt payloads, in
 * which the messages of failures are encrypted as well, and `.traced` for those that export traces. Existing ones that
 * were made from the same code stay.
 *
 * @returns whether they were written
 * @throws Error when workflow code cannot be bundled, for example because it imports a Node module
 */
export async function buildWorkflowBundles(project: string): Promise<boolean> {
  const dist = join(project, 'dist');
  const stamp = join(dist, '.workflow-bundle.sha256');
  const workflowsPath = join(dist, 'src/workflows/index.js');
  const failureConverterPath = join(dist, 'src/codec/failure-converter.cjs');
  const guard = join(dist, 'src/workflows/query-guard.js');
  const interceptors = join(dist, 'src/workflows/trace-interceptors.js');
  const plain = { workflowInterceptorModules: [guard] };
  const traced = { workflowInterceptorModules: [guard, interceptors] };
  const bundles = [
    { file: join(dist, 'workflow-bundle.js'), options: plain },
    { file: join(dist, 'workflow-bundle.encrypted.js'), options: { failureConverterPath, ...plain } },
    { file: join(dist, 'workflow-bundle.traced.js'), options: traced },
    { file: join(dist, 'workflow-bundle.encrypted.traced.js'), options: { failureConverterPath, ...traced } },
  ];

  const reached = await Promise.all([workflowsPath, guard, interceptors].map(filesReachableFrom));
  const sources = [...new Set([join(dist, 'dev/build.js'), failureConverterPath, ...reached.flat()])];
  const hash = await hashOf(project, sources);
  const isThere = bundles.every(({ file }) => existsSync(file));
  if (isThere && (await readFile(stamp, 'utf8').catch(() => '')) === hash) return false;

  // Loaded here because this takes as long as everything else in a build that has nothing to do.
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  for (const { file, options } of bundles) {
    const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN'), ...options });
    await writeFile(`${file}.new`, withoutSources(code));
    await rename(`${file}.new`, file);
  }
  await writeFile(stamp, hash);
  return true;
}

/**
 * Leaves the sources out of the bundle's source map. Each worker holds the map in memory several times, and needs only its
 * positions.
 */
function withoutSources(code: string): string {
  const at = code.lastIndexOf('base64,') + 'base64,'.length;
  const { sourcesContent: _, ...map } = JSON.parse(Buffer.from(code.slice(at), 'base64').toString()) as {
    sourcesContent?: string[];
  };
  return code.slice(0, at) + Buffer.from(JSON.stringify(map)).toString('base64');
}

/** The compiled file and all that it imports by relative path. */
async function filesReachableFrom(entry: string): Promise<string[]> {
  const found = new Set([entry]);
  for (const file of found) {
    const code = await readFile(file, 'utf8');
    for (const [, path = ''] of code.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)) {
      found.add(resolve(dirname(file), path));
    }
  }
  return [...found].toSorted();
}

async function hashOf(project: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  // npm's list of what is installed stands for the packages in the bundle and for the bundler.
  for (const file of [join(project, 'node_modules/.package-lock.json'), ...files]) {
    hash.update(`${relative(project, file)}\0`).update(await readFile(file));
  }
  return hash.digest('hex');
}
