import { join } from 'node:path';
import { projectRoot } from './project.ts';
import { runTool } from './tool.ts';
import type { CachedProgram } from './cache.ts';
import { install } from './cache.ts';

/** A program that is the `tool` of one of our Go modules. */
export interface GoTool {
  /** Folder of the module, relative to the project's. */
  module: string;
  /** Import path of the program. */
  source: string;
  /** Linker flags that tell the program its version. */
  setVersion: string;
}

/** Builds a program to `path` with Go. Takes minutes the first time. */
export function buildWithGo(
  program: CachedProgram,
  path: string,
  { module, source, setVersion }: GoTool,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  return install(program, path, async (folder) => {
    const built = join(folder, program.file);
    await runTool('go', ['build', '-ldflags', `-s -w ${setVersion}`, '-o', built, source], {
      cwd: join(projectRoot, module),
      env: { ...env, GOWORK: 'off' },
    });
    return built;
  });
}
