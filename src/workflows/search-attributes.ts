import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { SEARCH_ATTRIBUTES } from '../contract.ts';

const KEYS = {
  server: defineSearchAttributeKey(SEARCH_ATTRIBUTES.server, SearchAttributeType.KEYWORD),
  phase: defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, SearchAttributeType.KEYWORD),
  level: defineSearchAttributeKey(SEARCH_ATTRIBUTES.level, SearchAttributeType.KEYWORD),
  outcome: defineSearchAttributeKey(SEARCH_ATTRIBUTES.outcome, SearchAttributeType.KEYWORD),
};

/**
 * Sets search attributes, only those that the namespace has: setting one that is not registered would block the run.
 *
 * @param registered names that the namespace has, as recorded when the export was opened: what an earlier version has
 *   recorded lacks those that came later, so that its exports go on with the same commands
 */
export function setSearchAttributes(
  registered: readonly string[],
  values: Partial<Record<keyof typeof KEYS, string | undefined>>,
): void {
  const pairs = (Object.keys(values) as (keyof typeof KEYS)[])
    .filter((name) => values[name] !== undefined && registered.includes(SEARCH_ATTRIBUTES[name]))
    .map((name) => ({ key: KEYS[name], value: values[name] as string }));
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}
