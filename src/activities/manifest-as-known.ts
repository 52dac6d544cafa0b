import type { ManifestSummary } from '../export-folder/manifest-summary.ts';
import { filesNeedToken } from '../fhir-server/who-gets-the-token.ts';
import type { ServerSettings } from '../profiles/settings.ts';

/** A manifest in short, by what is known of its server besides: whether files get the token, and how long links last. */
export function manifestAsKnown(manifest: ManifestSummary, settings: ServerSettings): ManifestSummary {
  return {
    ...manifest,
    ...linksEnd(manifest, settings),
    requiresAccessToken: filesNeedToken(manifest.requiresAccessToken, settings),
  };
}

function linksEnd(
  { readAt, linksEnd: said, expires }: ManifestSummary,
  { linksLastSeconds }: ServerSettings,
): Pick<ManifestSummary, 'linksEnd'> {
  const isSaid = said !== undefined || expires !== undefined;
  return isSaid || readAt === undefined || linksLastSeconds === undefined
    ? {}
    : { linksEnd: readAt + 1000 * linksLastSeconds };
}
