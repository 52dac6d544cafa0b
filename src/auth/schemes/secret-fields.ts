import * as v from 'valibot';
import { Text } from '../../config/fields.ts';

/** The fields of a secret: it is never in the YAML text itself, but in a file or in a variable of the environment. */
export function secretFields<const Name extends string>(name: Name) {
  type Field = v.OptionalSchema<typeof Text, undefined>;
  return { [`${name}File`]: v.optional(Text), [`${name}Env`]: v.optional(Text) } as Record<
    `${Name}File` | `${Name}Env`,
    Field
  >;
}
