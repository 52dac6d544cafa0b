import type { ExportRequest, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { valuesOf } from '../fhir/parameters.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { ignoredParameters } from '../fhir/ignored-parameters.ts';
import type { IssueSummary } from '../export-folder/issue-summary.ts';

/** Warnings of one code that are listed; requested types can be many. */
const MOST_WARNINGS = 20;

/**
 * Types that come unasked where all is well: the provenance of what was exported (Bulk Data IG,
 * `includeAssociatedData`), and issues that a server lists as output.
 */
const UNASKED = new Set(['Provenance', 'OperationOutcome', 'Resource']);

/** What the files of an export brought. */
export interface Content {
  byType: Readonly<CountsByType>;
  deletions: Readonly<Record<string, number>>;
  /** Of the deletions, those that name no resource. */
  unnamedDeletions: number;
  /** Files with fewer bytes than the manifest says. */
  smallerFiles: number;
  issues: IssueSummary;
}

/**
 * Warnings for what a whole export does not hold: servers leave out silently what does not exist, does not match, or is
 * not for this client (Bulk Data IG, `_type`; a group without members is as good as one with them). And for what it
 * holds unasked.
 *
 * @param terms.organizedBy as the manifest says
 * @param terms.earlier warnings, which are not repeated
 */
export function warningsOfContent(
  { level, parameters = {} }: Partial<Pick<ExportRequest, 'level' | 'parameters'>>,
  { byType, deletions, unnamedDeletions, smallerFiles, issues }: Content,
  terms: { organizedBy?: string | undefined; earlier?: readonly Warning[] } = {},
): Warning[] {
  const { organizedBy, earlier = [] } = terms;
  const types = parameters['_type'];
  const requested = types === undefined ? [] : [...new Set(valuesOf('_type', types).map(String))];
  const organised = organizedBy !== undefined || byType['Resource'] !== undefined;
  const absent = organised ? [] : requested.filter((type) => byType[type] === undefined);
  const isEmpty =
    Object.values(byType).every(({ resources }) => resources === 0) && Object.keys(deletions).length === 0;
  const said = ignoredParameters(issues.issues(), Object.keys(parameters)).slice(0, MOST_WARNINGS);
  // It may have been left out, or the server has said so itself.
  const isNew = (name: string) => (): boolean =>
    ![...earlier, ...said].some(
      ({ code, message }) => code === 'ParameterIgnored' && new RegExp(`\\b${name}\\b`).test(message),
    );
  return [
    ...(isEmpty && (level === 'group' || types === undefined)
      ? [{ code: 'NothingExported' as const, message: WARNINGS.NothingExported }]
      : []),
    ...absent.slice(0, MOST_WARNINGS).map((type) => ({
      code: 'TypeWithoutFile' as const,
      message: `${type}: ${WARNINGS.TypeWithoutFile}`,
    })),
    ...(unnamedDeletions === 0
      ? []
      : [{ code: 'DeletionsUnnamed' as const, message: `${unnamedDeletions}: ${WARNINGS.DeletionsUnnamed}` }]),
    ...(smallerFiles === 0
      ? []
      : [{ code: 'FilesSmaller' as const, message: `${smallerFiles}: ${WARNINGS.FilesSmaller}` }]),
    ...said,
    ...(organised ? [] : unaskedTypes(requested, byType)).filter(isNew('_type')),
    ...(parameters['organizeOutputBy'] === undefined || organised || isEmpty
      ? []
      : [ignored('organizeOutputBy', 'the files are those of types')].filter(isNew('organizeOutputBy'))),
  ];
}

/** More than was asked for may be more than somebody was to get (Bulk Data IG, `_type`: other types are not sent). */
function unaskedTypes(requested: readonly string[], byType: Readonly<CountsByType>): Warning[] {
  if (requested.length === 0) return [];
  const known = new Set([...requested, ...UNASKED]);
  const types = Object.keys(byType).filter((type) => !known.has(type) && byType[type]?.resources !== 0);
  const more = types.length > MOST_WARNINGS ? ', …' : '';
  return types.length === 0
    ? []
    : [ignored('_type', `there are files of ${types.slice(0, MOST_WARNINGS).join(', ')}${more}, too`)];
}

function ignored(name: string, evidence: string): Warning {
  return { code: 'ParameterIgnored', message: `The server has ignored ${name}: ${evidence}.` };
}
