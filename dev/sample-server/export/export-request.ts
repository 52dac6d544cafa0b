import type { Message } from '../http/operation-outcome.ts';

/** A kick-off as the server understood it. */
export type ExportRequest = {
  level: 'system' | 'patient' | 'group';
  groupId?: string;
  method: 'GET' | 'POST';
  /** The kick-off URL with its query. */
  url: string;
  /** Absent: everything there is at this level. */
  types?: string[];
  since?: string;
  until?: string;
  /** Patient ids; absent: no restriction. */
  patients?: string[];
  /** `Type?query`, decoded, one per filter. */
  typeFilters: string[];
  elements: string[];
  includeAssociatedData: string[];
  organizeOutputBy?: 'Patient';
  allowPartialManifests: boolean;
  /** `Prefer: handling=lenient`. */
  lenient: boolean;
  /** The server applies `Prefer: separate-export-status`. */
  separateStatus: boolean;
  /** For the `error` or `outcome` file. */
  messages: Message[];
};
