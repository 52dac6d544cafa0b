import type { Connection } from '@temporalio/client';
import { isGrpcServiceError } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contract.ts';
import { tidy } from '../fhir/quote.ts';
import { isPassing } from '../process/passing-error.ts';
import { addSearchAttributes } from '../temporal-server/search-attributes.ts';
import { quote } from './arguments.ts';
import type { Temporal } from './temporal.ts';

const NAMES = Object.values(SEARCH_ATTRIBUTES);
/** Codes of gRPC of a service that does not let this client do it: PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const NOT_ALLOWED: ReadonlySet<number> = new Set([7, 12, 16]);
const WANTED = Object.fromEntries(NAMES.map((name) => [name, 'Keyword']));

/**
 * Creates our search attributes where they are missing.
 *
 * @returns lines for people, and whether something is left to be done
 */
export async function registerSearchAttributes(
  temporal: Pick<Temporal, 'client' | 'namespace' | 'address'>,
): Promise<{ lines: string[]; failed: boolean }> {
  const { client, namespace, address } = temporal;
  const add = () => addSearchAttributes(client.connection as Connection, namespace, WANTED);
  try {
    // Once more, because somebody else may have created some at the same time.
    const { created, present, otherType } = await add().catch(add);
    const lines = [
      `Namespace ${namespace} at ${address}:`,
      ...created.map((name) => `  ${name}: created`),
      ...present.map((name) => `  ${name}: was there`),
      ...otherType.map((name) => `  ${name}: has another type than Keyword, and exports go without it`),
    ];
    if (created.length > 0) lines.push('Exports that begin from now on have them; those that run go on without.');
    return { lines, failed: otherType.length > 0 };
  } catch (error) {
    if (!isGrpcServiceError(error)) throw error;
    return { lines: refused(temporal, error), failed: true };
  }
}

/** What is left to be done, and by whom. */
function refused(
  { namespace, address }: Pick<Temporal, 'namespace' | 'address'>,
  error: { code: number; details: string; message: string },
): string[] {
  const reason = tidy(error.details || error.message, 300);
  const what = `Temporal at ${address} did not create search attributes in the namespace ${namespace}: ${reason}`;
  if (isPassing(error)) return [what, 'Run this again later: it creates those that are still missing.'];
  if (!NOT_ALLOWED.has(error.code)) return [what];
  // Who may change a namespace is often somebody else.
  return [
    what,
    'Whoever has the right to change the namespace creates those that are missing with',
    ...(isCloud(address)
      ? [
          `  tcld namespace search-attributes add --namespace ${quote(namespace)} ${NAMES.map((name) => `--sa ${name}=Keyword`).join(' ')}`,
          'or in the user interface of Temporal Cloud. Then name them in the configuration of the workers, if these may not',
          `list them: searchAttributes: [${NAMES.join(', ')}]`,
        ]
      : [
          `  temporal operator search-attribute create --namespace ${quote(namespace)} --type Keyword ${NAMES.map((name) => `--name ${name}`).join(' ')}`,
        ]),
  ];
}

function isCloud(address: string): boolean {
  return /\.(tmprl\.cloud|temporal\.io)(:\d+)?$/.test(address);
}
