import * as v from 'valibot';
import { Text } from '../../config/fields.ts';
import type { DestinationKind } from '../destination-kind.ts';
import { openDirectory } from './directory.ts';
import { lookAtDirectory, mustBeThere } from './look-at-directory.ts';

const Schema = v.strictObject({ type: v.literal('directory'), path: Text });

/** A directory that every worker sees: a local disk or a shared file system. */
export const directory: DestinationKind<typeof Schema> = {
  type: 'directory',
  schema: Schema,
  place: ({ path }) => path,
  async open({ path: root }, path, use) {
    if (use === 'records') await mustBeThere(root);
    return openDirectory(root, path);
  },
  look: ({ path }, use) => lookAtDirectory(path, use),
};
