import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../src/programs/project.ts';

/** A built project from which workers are started. */
export interface Build {
  /** The worker of the chaos tests. */
  program: string;
  bundle: string;
}

/** The project as it is built, and a copy that Temporal takes for another version. */
export async function makeBuilds(folder: string): Promise<readonly [Build, Build]> {
  const copy = join(folder, 'next-build');
  await mkdir(copy, { recursive: true });
  await cp(join(projectRoot, 'dist'), join(copy, 'dist'), { recursive: true });
  await symlink(join(projectRoot, 'node_modules'), join(copy, 'node_modules'));
  await writeFile(join(copy, 'package.json'), JSON.stringify({ type: 'module' }));
  // A worker's build id is the hash of its bundle, at whose end the source map must be.
  const bundle = join(copy, 'dist/workflow-bundle.js');
  await writeFile(bundle, `// The next build.\n${await readFile(bundle, 'utf8')}`);
  return [buildIn(projectRoot), buildIn(copy)];
}

function buildIn(root: string): Build {
  return {
    program: join(root, 'dist/test/chaos/worker.js'),
    bundle: join(root, 'dist/workflow-bundle.js'),
  };
}
