import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../src/programs/project.ts';
import { runTool } from '../../src/programs/tool.ts';
import type { CachedProgram } from '../../src/programs/cache.ts';
import { install } from '../../src/programs/cache.ts';

/** A Java program: one class of ours, and libraries. */
export interface JavaProgram {
  /** Folder with `pom.xml` and the class, relative to the project's. */
  sources: string;
  mainClass: string;
}

/** Assembles a Java program at `path`: its libraries by Maven, our main class, and a script that runs it. */
export function buildWithMaven(
  program: CachedProgram,
  path: string,
  { sources, mainClass }: JavaProgram,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  return install(program, path, async (folder) => {
    const library = join(folder, 'lib');
    await mkdir(library);
    const pom = join(projectRoot, sources, 'pom.xml');
    await runTool('mvn', ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${library}`], {
      env,
      timeout: 600_000,
    });
    const source = join(projectRoot, sources, `${mainClass}.java`);
    await runTool('javac', ['-cp', join(library, '*'), '-d', library, source], { env, timeout: 120_000 });
    const script = join(folder, program.file);
    await writeFile(script, runScript(mainClass), { mode: 0o755 });
    return script;
  });
}

/** The flags save more than half of the start-up time. */
function runScript(mainClass: string): string {
  return `#!/bin/sh
library="$(dirname "$0")/lib"
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$library:$library/*" ${mainClass} "$@"
`;
}
