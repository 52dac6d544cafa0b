/** An entry of `output`, `deleted`, `error` or `outcome`. */
export type ManifestItem = { type?: string; url: string; count?: number; [name: string]: unknown };

/** A manifest of any version. */
export type Manifest = {
  transactionTime: string;
  requiresAccessToken: boolean;
  output?: ManifestItem[];
  deleted?: ManifestItem[];
  error?: ManifestItem[];
  outcome?: ManifestItem[];
  link?: { relation: string; url: string }[];
  [name: string]: unknown;
};
