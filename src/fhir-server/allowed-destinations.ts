import type { Allow } from './allow.ts';

/**
 * Destinations that may be written to although no list allows them, because an allowed one holds them: a request's path
 * may lead there. Pure.
 *
 * @param places where each destination is: names with "/" between them
 */
export function overlapsOf({ destinations = [] }: Allow, places: Readonly<Record<string, string>>): string[] {
  const others = Object.keys(places).filter((name) => !destinations.includes(name));
  return destinations.flatMap((allowed) =>
    others
      .filter((other) => holds(places[allowed], places[other]))
      .map((other) => `"${allowed}" holds "${other}", which is not allowed; give each a place of its own`),
  );
}

/** Whether a place is another one, or is around it. */
export function holds(outer: string | undefined, inner: string | undefined): boolean {
  const asFolder = (place: string): string => `${place.replace(/\/+$/, '')}/`;
  return outer !== undefined && inner !== undefined && asFolder(inner).startsWith(asFolder(outer));
}
