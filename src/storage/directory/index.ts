import * as v from 'valibot';
import { realpath } from 'node:fs/promises';
import { FolderPath } from '../../config/fields.ts';
import type { DestinationKind } from '../destination-kind.ts';
import { RetentionField } from '../retention-field.ts';
import { openDirectory } from './directory.ts';
import { lookAtDirectory, mustBeThere } from './look-at-directory.ts';

const Schema = v.strictObject({ type: v.literal('directory'), path: FolderPath, retention: RetentionField });

/** A directory that every worker sees: a local disk or a shared file system. */
export const directory: DestinationKind<typeof Schema> = {
  type: 'directory',
  schema: Schema,
  place: ({ path }) => path,
  realPlace: ({ path }) => realpath(path).catch(() => path),
  async open({ path: root }, path, use) {
    if (use !== 'exports') await mustBeThere(root);
    return openDirectory(root, path);
  },
  look: ({ path }, use) => lookAtDirectory(path, use),
};
