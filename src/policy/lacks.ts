import type { Warning } from '../contract.ts';

/** Warnings that say that data may be missing, or that the server's time is in doubt. */
const LACKS: readonly ((warning: Warning) => boolean)[] = [
  ({ code }) => code === 'ScopeNarrower',
  ({ code }) => code === 'AttachmentsMissing',
  ({ code, message }) => code === 'PagesDisagree' && message.startsWith('transactionTime'),
];

/** Why data may be missing in an export that is complete; empty when nothing says so. */
export function lacksOf({ hasIssues, warnings }: { hasIssues: boolean; warnings: readonly Warning[] }): string[] {
  const found = warnings.filter((one) => LACKS.some((says) => says(one))).map(({ code }) => code);
  return [...(hasIssues ? ['the server reports issues'] : []), ...new Set(found)];
}
