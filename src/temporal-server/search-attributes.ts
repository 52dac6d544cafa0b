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

/** Names of search attributes, by what was found. */
export interface AddedAttributes {
  created: string[];
  /** They were there. */
  present: string[];
  /** They were there with another type, which nobody can change. */
  otherType: string[];
}

/**
 * Creates the search attributes that a namespace lacks.
 *
 * @param wanted name to type, such as `Keyword`
 * @throws Error for an unknown type; `ServiceError` of gRPC when the service does not list or create them
 */
export async function addSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Readonly<Record<string, string>>,
): Promise<AddedAttributes> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const added: AddedAttributes = { created: [], present: [], otherType: [] };
  const missing: Record<string, number> = {};
  for (const [name, type] of Object.entries(wanted)) {
    const number = typeNumbers[type];
    if (number === undefined) throw new Error(`search attribute ${name}: unknown type ${type}`);
    const existing: number | undefined = customAttributes?.[name];
    if (existing === undefined) missing[name] = number;
    else (existing === number ? added.present : added.otherType).push(name);
  }
  added.created = Object.keys(missing);
  if (added.created.length > 0)
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
  return added;
}

/**
 * The same for a server of ours, whose attributes are what we made them. The server's own `--search-attribute` works on a
 * new database only, and is silently ignored on an existing one.
 *
 * @throws Error also when an attribute exists with another type
 */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const { otherType } = await addSearchAttributes(connection, namespace, wanted);
  if (otherType.length > 0) throw new Error(`search attributes exist with another type: ${otherType.join(', ')}`);
}
