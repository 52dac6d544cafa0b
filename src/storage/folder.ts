/**
 * A place at a destination: what every kind of destination can do. Names are relative, with `/` between parts. Every
 * method fails with `DestinationFailed` when trying again would not help.
 */
export interface Folder {
  /** The place as users know it: a folder or a bucket URL. */
  readonly location: string;
  /** Whole content of a small file; undefined when it does not exist. */
  read(name: string): Promise<Buffer | undefined>;
  /**
   * Content of a file of any size.
   *
   * @param signal ends it, where bytes may be long in coming
   */
  stream(name: string, signal?: AbortSignal): AsyncIterable<Buffer>;
  /** Bytes of a file; undefined when it does not exist. */
  size(name: string): Promise<number | undefined>;
  /**
   * When a file was written, by the clock of the destination: milliseconds since the epoch. Undefined when it does not
   * exist.
   */
  lastChange(name: string): Promise<number | undefined>;
  /**
   * The same of the file in a folder (`''`: the place itself), or in a folder below it, that was written last. Undefined
   * when none is there.
   *
   * @param except a file that does not count
   */
  lastChangeIn(folder: string, except?: string): Promise<number | undefined>;
  /**
   * Writes a small file whole or not at all, over an earlier one. When it returns it is durable, and so is the final name
   * of every part that was published before.
   */
  write(name: string, content: string | Uint8Array): Promise<void>;
  /** Like {@link write}, but never over an earlier one: false when one exists. */
  create(name: string, content: string | Uint8Array): Promise<boolean>;
  /** Like {@link create}, in the way in which large files get their names, where that is another one. */
  createAsLarge?(name: string, content: string): Promise<boolean>;
  /** Names of what is directly in a folder (`''`: the place itself); empty when it does not exist. */
  list(folder: string): Promise<string[]>;
  /** The folders among them; links to folders are none. */
  listFolders(folder: string): Promise<string[]>;
  /** Removes a file or a folder with all that is in it; nothing happens when it does not exist. */
  remove(name: string): Promise<void>;
  /** Removes a file; nothing happens when it does not exist, or is a folder. */
  removeFile(name: string): Promise<void>;
  /** The same for many files, with one check of {@link guardedBy} for many of them. */
  removeFiles(names: readonly string[]): Promise<void>;
  /**
   * Begins a file that is being written by one attempt, under a name that no other attempt has.
   *
   * @param label the same for all attempts at a file; what the best earlier one has made durable is taken over. Opened
   *   once with an object of this kind
   * @param name its final name, when it is known and {@link ResumePoint}s suffice to go on with the file: bytes that nobody
   *   need read before the file has its name can be put where they stay
   * @param signal ends the taking over, which may be a copy of many bytes; what was there stays
   */
  openPart(label: string, name?: string, signal?: AbortSignal): Promise<Part>;
  /** Makes the final names of all parts that were published durable. */
  syncNames(): Promise<void>;
  /** Bytes that can still be written; undefined when the destination has no such limit. */
  freeSpace(): Promise<number | undefined>;
  /**
   * Removes what attempts that were killed have left behind; an attempt that still runs fails and is tried again.
   *
   * @param isOurs of the final name of an upload of which nothing else says whose it is. Default: all are ours
   */
  removeParts(isOurs?: (name: string) => boolean): Promise<void>;
  /**
   * A folder above, up to the destination's own, or below, which holds a file of one of these names; undefined when none
   * does. They are looked for in this order.
   */
  findNeighbour(...names: readonly string[]): Promise<Neighbour | undefined>;
  /** Removes the folder when nothing is in it, and those above it that then are empty. */
  removeIfEmpty(): Promise<void>;
  /**
   * The same place, whose documents, published files and removals are each preceded by a check, as late as can be: right
   * before a name is given or taken away.
   *
   * @param mayChange throws when nothing may be changed here any more
   */
  guardedBy(mayChange: () => Promise<void>): Folder;
  /** The check of {@link guardedBy}, for what is done elsewhere. */
  mayChange(): Promise<void>;
}

/** A file that is being written by one attempt. */
export interface Part {
  /** What has been taken over from an earlier attempt; undefined when there was nothing, and after {@link restart}. */
  readonly resumed: ResumedPart | undefined;
  /**
   * Writes bytes that follow one another. When it returns, their memory may be used again.
   *
   * @param points in these bytes, in order; the first one may be before
   */
  write(chunks: readonly Uint8Array[], points?: readonly ResumePoint[]): Promise<void>;
  /** Says before the first write how many bytes the file may have; only a hint. */
  expect?(bytes: number): void;
  /**
   * Makes the bytes so far durable, for a later attempt to take over. A destination that stores pieces counts whole
   * ones only, and makes those that come later durable by itself.
   */
  checkpoint(version: FileVersion): Promise<void>;
  /** Forgets all bytes, also those that were taken over. What another attempt may be copying stays as it is. */
  restart(): Promise<void>;
  /**
   * Ends the file: nothing can be written afterwards. All bytes are durable, or those of a small file ready to be
   * published in one step.
   */
  finish(): Promise<void>;
  /**
   * Gives a finished part its final name (the one it was opened with, if any), never over an earlier file: false when
   * there is one. The name is durable after the next {@link Folder.write}.
   */
  publish(name: string): Promise<boolean>;
  /** Closes the part and removes what has not been published. May be called at any time, also twice. */
  discard(): Promise<void>;
  /**
   * Closes the part and leaves what has been made durable by {@link checkpoint} for a later attempt. May be called at any
   * time, also twice.
   *
   * @returns bytes that a later attempt can take over
   */
  keep(): Promise<number>;
}

/** A part that has all of its file. */
export type CheckedPart = Pick<Part, 'finish' | 'publish' | 'discard' | 'keep'>;

/** A place above or below another one. */
export interface Neighbour {
  is: 'above' | 'below';
  location: string;
}

/** What tells one version of a file from another. */
export interface FileVersion {
  /** Strong validator (ETag). */
  validator: string;
  /** Bytes of the whole file, when the server said how many. */
  total?: number;
  /** Mark of the link by which it came. */
  link?: string;
}

/** A place in a file at which another reader can go on without the bytes before. */
export interface ResumePoint {
  /** Before the place. */
  bytes: number;
  /** What a reader knows there. */
  state: Readonly<Record<string, number>>;
}

/** The durable prefix of a file, taken over from an earlier attempt; the part continues behind it. */
export interface ResumedPart {
  bytes: number;
  /** Of the file that they are of. */
  version: FileVersion;
  /** Where those bytes begin that can be read; undefined when all can. */
  from?: ResumePoint | undefined;
  /** The bytes themselves, from there on. */
  read(): AsyncIterable<Buffer>;
}
