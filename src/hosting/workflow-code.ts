import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import { failureConverterPath } from '../codec/payload-encryption.ts';

/**
 * Module of our workflows, for the `workflowsPath` of a worker that has none of its own. One that has some re-exports
 * `fhir-bulk-export/workflows` beside them instead.
 */
export const workflowsPath = fileURLToPath(new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url));

/**
 * Our workflows, bundled for the very SDK that this package needs: a worker starts sooner with it, and takes less memory.
 * Only for a worker without workflows, workflow interceptors or converters of its own; a payload codec is fine, because it
 * runs outside of workflows.
 */
export const workflowBundle = { codePath: pathOf('workflow-bundle.js') };

type Workflows = Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'>;
/** Options of a worker that decide. */
type Deciding = 'workflowBundle' | 'workflowsPath' | 'connection' | 'dataConverter' | 'interceptors' | 'plugins';
type DecidingOptions = { [Key in Deciding]?: WorkerOptions[Key] | undefined } & { traces?: boolean | undefined };

/** Which workflow code a worker runs: what it names, else our bundle where that does, else our module. */
export function workflowCode(options: DecidingOptions): Workflows {
  if (options.workflowBundle !== undefined) return { workflowBundle: options.workflowBundle };
  if (options.workflowsPath !== undefined) return { workflowsPath: options.workflowsPath };
  const codePath = bundleFor(options);
  return mustBeBundled(options) || !existsSync(codePath) ? { workflowsPath } : { workflowBundle: { codePath } };
}

/** Those of workers with `payloadEncryption` also encrypt the messages of failures; traces need interceptors. */
function bundleFor({ dataConverter, traces = false }: DecidingOptions): string {
  const isEncrypted = dataConverter?.failureConverterPath === failureConverterPath;
  return pathOf(`workflow-bundle${isEncrypted ? '.encrypted' : ''}${traces ? '.traced' : ''}.js`);
}

function pathOf(bundle: string): string {
  return fileURLToPath(new URL(`../../${bundle}`, import.meta.url));
}

/** What runs within workflows has to be in their bundle; what plugins add is not known before. */
function mustBeBundled({ connection, dataConverter = {}, interceptors = {}, plugins = [] }: DecidingOptions): boolean {
  return (
    dataConverter.payloadConverterPath !== undefined ||
    ![undefined, failureConverterPath].includes(dataConverter.failureConverterPath) ||
    (interceptors.workflowModules ?? []).length > 0 ||
    plugins.length > 0 ||
    (connection?.plugins ?? []).length > 0
  );
}
