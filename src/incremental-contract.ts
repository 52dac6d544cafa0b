/**
 * How an export goes on from the last one of its schedule: its `_since` is the mark in that one's report. Another request,
 * or the same at another base URL, begins anew with all data and the warning `MarkReset`.
 */
export interface Incremental {
  /** Where a schedule begins that has no last report: an instant such as `2026-01-01T00:00:00Z`. Default: with all data. */
  initialSince?: string | undefined;
  /**
   * Whether the mark moves on when data may be missing: the server reports issues, or a warning says so. Default `hold`:
   * it stays, so that the next export brings the same time again.
   */
  onIssues?: 'hold' | 'advance' | undefined;
  /**
   * `full`: members whom the group has gained since are exported with all their data, by an additional export, where `_since`
   * brings of them only what has changed. Level `group` only. Default: a warning.
   */
  newMembers?: 'full' | undefined;
}

/** Where the list is of those members of a group whose data earlier exports have brought. */
export interface MemberList {
  /** An entry of the worker's configuration. */
  destination: string;
  /** Of the export that holds it. */
  path: string;
}

/** What became of the members whom a group has gained. */
export interface NewMembers {
  /** How many; absent: that is not known. */
  gained?: number;
  /** The additional export that brought all their data. Absent: none was needed, or it failed. */
  brought?: { workflowId: string; location: string };
  /** With which the next export compares. Absent: there is none yet. */
  list?: MemberList;
}
