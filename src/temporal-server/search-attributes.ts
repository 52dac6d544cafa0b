import type { Connection } from '@temporalio/client';

// Numbers of temporal.api.enums.v1.IndexedValueType.
const typeNumbers: Readonly<Record<string, number>> = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
};

/**
 * Creates the search attributes that a namespace lacks. The server's own `--search-attribute` works on a new database
 * only, and is silently ignored on an existing one.
 *
 * @param wanted name to type, such as `Keyword`
 * @throws Error for an unknown type, or when an attribute exists with another type
 */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing: Record<string, number> = {};
  for (const [name, type] of Object.entries(wanted)) {
    const number = typeNumbers[type];
    if (number === undefined) throw new Error(`search attribute ${name}: unknown type ${type}`);
    const existing: number | undefined = customAttributes?.[name];
    if (existing === undefined) missing[name] = number;
    else if (existing !== number) throw new Error(`search attribute ${name} exists, but not as ${type}`);
  }
  if (Object.keys(missing).length === 0) return;
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
}
