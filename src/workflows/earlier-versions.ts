/**
 * What the server or we say of a result, for people.
 *
 * Activities of version 0.1.0 called it `words`; their results are in the histories of exports that still run.
 */
export function detailOf(result: { readonly detail: string }): string {
  const { detail, words } = result as { detail?: string; words?: string };
  return detail ?? words ?? '';
}
