import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import type { Entry } from '../fhir/entries.ts';
import { lineType } from '../fhir/entries.ts';
import type { ByteTools, LineCounts, LineRules, LineState } from '../fhir/ndjson.ts';
import { LineChecker } from '../fhir/ndjson.ts';
import type { ResumePoint } from '../storage/folder.ts';
import type { CheckOutcome, FileChecks } from './checked-file.ts';

/** Bytes that nothing may have in a compressed form, with a name; the IG does not say which form `fileSize` means. */
export const PACKED_NOTHING = 512;
const TOOLS: ByteTools = {
  isUtf8,
  indexOf: (bytes, pattern, from) => Buffer.prototype.indexOf.call(bytes, pattern, from),
};

/** Checks a file of NDJSON. */
export class NdjsonChecks implements FileChecks {
  readonly #entry: Entry;
  readonly #lines: LineChecker;
  /** Of all bytes: undefined when the first ones do not come by. */
  readonly #hash: Hash | undefined;
  #bytes: number;

  /**
   * @param checks as configured; files that are read when the export ends are parsed anyway
   * @param from where others have left off; default, and of one that was damaged: the beginning
   */
  constructor(entry: Entry, checks: LineRules['checks'], from?: ResumePoint) {
    const before = from && lineStateOf(from);
    const rules: LineRules = { type: lineType(entry), checks: entry.kind === 'output' ? checks : 'full' };
    this.#entry = entry;
    this.#lines = new LineChecker(rules, TOOLS, before);
    this.#hash = before === undefined ? createHash('sha256') : undefined;
    this.#bytes = before === undefined ? 0 : (from?.bytes ?? 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Where the last line begins; a hash that was promised needs all bytes. */
  get point(): ResumePoint | undefined {
    if (this.#entry.sha256 !== undefined) return undefined;
    const { state, bytes } = this.#lines.unfinished;
    return { bytes: this.#bytes - bytes, state: { ...state } };
  }

  push(chunk: Uint8Array): string | undefined {
    if (chunk.length === 0) return undefined;
    this.#hash?.update(chunk);
    this.#bytes += chunk.length;
    return this.#lines.push(chunk) ?? holeIn(chunk) ?? this.#isTooMuch();
  }

  /** Said at once: a body without end would fill the destination. */
  #isTooMuch(): string | undefined {
    const { length } = this.#entry;
    if (length !== undefined && this.#bytes > length)
      return `more than the ${length} bytes came that the manifest says`;
    const count = this.#exactCount;
    return count === undefined || this.#lines.records <= count
      ? undefined
      : `more than ${count} resources came, the manifest's count is ${count}`;
  }

  end(endIsProved: boolean): CheckOutcome {
    const lines = this.#lines.end();
    if (lines.kind === 'wrong') return lines;
    const { counts } = lines;
    const fault = this.#wrongCount(counts) ?? this.#wrongSize();
    if (fault !== undefined) return wrong(fault);
    if (!endIsProved && !this.#isKnownToBeWhole(counts)) {
      const detail = 'its end is only the closing of the connection, and no count or size shows that it is complete';
      return { kind: 'wrong', detail, mayBeCut: true };
    }
    const sha256 = this.#hash?.digest('hex');
    const { sha256: promised } = this.#entry;
    if (promised !== undefined && promised !== sha256) {
      return wrong(`its SHA-256 is ${sha256}, the manifest says ${promised}`);
    }
    return { kind: 'checked', file: { bytes: this.#bytes, ...counts, sha256 } };
  }

  /**
   * `count` must hold, except where the IG leaves open what is counted: Bundles or entries of deleted files, and
   * whether block headers are resources of organised ones (3.0). Of error files the SMART server counts the resources
   * that were lost.
   */
  get #exactCount(): number | undefined {
    const { kind, type, count } = this.#entry;
    return kind === 'output' && type !== undefined ? count : undefined;
  }

  #wrongCount({ records, headers }: LineCounts): string | undefined {
    const count = this.#exactCount;
    if (count === undefined || records === count) return undefined;
    return `${records - headers} resources came, the manifest's count is ${count}`;
  }

  /** DPC says the exact length; the IG's own `fileSize` is a hint, and proves no more than that there is something. */
  #wrongSize(): string | undefined {
    const { length, kind, count, fileSize = 0 } = this.#entry;
    if (this.#bytes === 0 && kind === 'output' && count !== 0 && fileSize > PACKED_NOTHING)
      return `no bytes came, the manifest's fileSize is ${fileSize}`;
    return length === undefined || length === this.#bytes
      ? undefined
      : `${this.#bytes} bytes came, the manifest says ${length}`;
  }

  #isKnownToBeWhole({ records, headers }: LineCounts): boolean {
    const { count, kind, fileSize, length, sha256 } = this.#entry;
    if (length !== undefined || sha256 !== undefined || fileSize === this.#bytes) return true;
    // A last line without its newline has been parsed as a whole.
    return kind !== 'deleted' && (count === records || count === records - headers);
  }
}

/** Where a file of the server has a hole, a line may begin and end as it should. No JSON has such a byte. */
function holeIn(chunk: Uint8Array): string | undefined {
  return Buffer.prototype.indexOf.call(chunk, 0) !== -1 ? 'it has NUL bytes' : undefined;
}

function wrong(detail: string): CheckOutcome {
  return { kind: 'wrong', detail };
}

/** Undefined when it is not what {@link NdjsonChecks.point} gave: what was stored has been damaged, or is another form. */
function lineStateOf({ state }: ResumePoint): LineState | undefined {
  const { records, headers, line } = state;
  return records === undefined || headers === undefined || line === undefined ? undefined : { records, headers, line };
}
