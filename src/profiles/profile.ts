import type { ServerSettings } from './settings.ts';

/** Something that is known of a server, and from where. */
export interface Fact<T> {
  value: T;
  /** URL of the vendor's page, of an issue, or of a source file as of a commit: never this project. */
  source: string;
  /** Day on which the source was read. */
  date: string;
  /** There is one indirect source only. */
  unverified?: true;
}

/** How a CapabilityStatement shows whose it is: texts that the field contains, in any case. */
export interface Sign {
  /** `software.name` */
  software?: string;
  publisher?: string;
  /** `implementation.description` */
  implementation?: string;
}

/** What is known of one kind of server: facts only, as plain data. */
export interface Profile {
  /** As the configuration names it. */
  name: string;
  /** As people know it. */
  product: string;
  /** Absent where no source shows one. */
  sign?: Fact<Sign>;
  /** Facts that change what the worker does. */
  settings: { readonly [Name in keyof ServerSettings]?: Fact<NonNullable<ServerSettings[Name]>> };
  /** Facts that people should know. */
  notes: readonly Fact<string>[];
}

/** Makes facts of one source. */
export function factsFrom(source: string, date: string): <T>(value: T) => Fact<T> {
  return (value) => ({ value, source, date });
}

/** URL of an issue or pull request on GitHub. */
export function issue(repository: string, number: number): string {
  return `https://github.com/${repository}/issues/${number}`;
}

/** URL of a file on GitHub as it was at a commit, so that anybody finds what was read. */
export function fileAt(repository: string, commit: string, path: string): string {
  return `https://github.com/${repository}/blob/${commit}/${path}`;
}
