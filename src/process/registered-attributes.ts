import { Context, log } from '@temporalio/activity';
import { SEARCH_ATTRIBUTES } from '../contract.ts';
import { askService } from './ask-service.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;

/**
 * Those of our search attributes that can be set. A workflow gets stuck when it sets one that its namespace lacks, or one
 * whose type takes no text. Call it in an activity only.
 *
 * @param configured what the configuration says; used where the service does not let a worker ask, such as Temporal Cloud
 */
export async function registeredAttributes(configured: readonly string[] = []): Promise<ReadonlySet<string>> {
  const { client, info } = Context.current();
  const types = await askService<Record<string, unknown> | undefined>(
    async () =>
      (await client.connection.operatorService.listSearchAttributes({ namespace: info.namespace })).customAttributes,
    ({ message: reason }) => {
      log.info('search attributes cannot be listed; the configuration decides', { configured, reason });
      return undefined;
    },
  );
  if (types === undefined) return new Set(configured);
  const ours = Object.values(SEARCH_ATTRIBUTES).filter((name) => Object.hasOwn(types, name));
  const usable = ours.filter((name) => types[name] === KEYWORD);
  const others = ours.filter((name) => !usable.includes(name));
  if (others.length > 0) log.warn('search attributes are not of type Keyword; exports go without them', { others });
  return new Set(usable);
}
