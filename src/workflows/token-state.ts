/** The epoch in use; the token itself is only in the workers. */
export interface TokenState {
  epoch: number;
  /** As asked for. */
  scope: string;
  /** Absent for credentials that do not end by themselves. */
  refreshAt?: number | undefined;
  /** Somebody else renews it, perhaps a little late. */
  isRenewed?: true | undefined;
}
