import { readFile, stat } from 'node:fs/promises';
import { PerhapsPassingError } from '../errors.ts';

/** Where a secret is: a file that is read again when it has changed, or a variable of the environment. */
export interface SecretSource {
  file?: string | undefined;
  env?: string | undefined;
}

/** A secret that is never kept in configuration, and never shown. */
export class Secret {
  readonly #source: SecretSource;
  #read: { text: string; version: string } | undefined;

  constructor(source: SecretSource) {
    this.#source = source;
  }

  /** Whether it may be another one the next time. */
  get isFile(): boolean {
    return this.#source.file !== undefined;
  }

  /** The file or the variable that holds it. */
  get place(): string {
    return this.#source.file ?? this.#source.env ?? 'no secret';
  }

  /**
   * The secret's text, without a newline at its end and the mark that some editors put before it.
   *
   * @throws PerhapsPassingError when there is none
   */
  async text(): Promise<string> {
    const { file, env } = this.#source;
    const text = file === undefined ? process.env[env ?? ''] : await this.#fromFile(file);
    const trimmed = text?.replace(/^\ufeff/, '').replace(/\r?\n$/, '') ?? '';
    if (trimmed === '') {
      throw new PerhapsPassingError(
        file === undefined ? `the environment variable ${env} is not set` : `${file} is empty`,
      );
    }
    return trimmed;
  }

  async #fromFile(file: string): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      // The time alone would not do: a file that takes another's place may be just as old.
      const version = `${mtimeMs}/${size}/${ino}`;
      if (this.#read?.version !== version) this.#read = { text: await readFile(file, 'utf8'), version };
      return this.#read.text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new PerhapsPassingError(`${file} cannot be read (${code})`, { cause: error });
    }
  }
}
