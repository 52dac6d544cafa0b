import type { Message } from '../http/answer.ts';

/** A kick-off as the server understood it. */
export type ExportRequest = {
  level: 'system' | 'patient' | 'group';
  groupId?: string;
  method: 'GET' | 'POST';
  /** The kick-off URL with its query. */
  url: string;
  /** Absent: all types of this level. */
  types?: string[] | undefined;
  since?: string | undefined;
  until?: string | undefined;
  /** Patient ids; absent: no restriction. */
  patients?: string[] | undefined;
  /** `Type?query`, decoded, one per filter. */
  typeFilters: string[];
  elements: string[];
  includeAssociatedData: string[];
  organizeOutputBy?: 'Patient' | undefined;
  allowPartialManifests: boolean;
  /** `Prefer: handling=lenient`. */
  lenient: boolean;
  /** The server applies `Prefer: separate-export-status`. */
  separateStatus: boolean;
  /** For the `error` or `outcome` file. */
  messages: Message[];
};
