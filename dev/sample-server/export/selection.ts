import { compartmentTypes, hospitalTypes, supportingTypes, type Hospital } from '../generate/hospital.ts';
import type { HospitalRecord } from '../generate/record.ts';
import { subset } from './elements.ts';
import type { ExportRequest } from './export-request.ts';
import { parseTypeFilter, passesTypeFilters, type TypeFilter } from './type-filter.ts';

/** The part of the hospital that a request selects. */
export class Selection {
  readonly types: readonly string[];
  readonly #request: ExportRequest;
  readonly #hospital: Hospital;
  readonly #since: number;
  readonly #until: number;
  readonly #filters: TypeFilter[];

  constructor(request: ExportRequest, hospital: Hospital) {
    const here = request.level === 'system' ? hospitalTypes : [...compartmentTypes, ...supportingTypes];
    this.types = here.filter((type) => request.types?.includes(type) ?? true);
    this.#request = request;
    this.#hospital = hospital;
    this.#since = request.since === undefined ? -Infinity : Date.parse(request.since);
    this.#until = request.until === undefined ? Infinity : Date.parse(request.until);
    this.#filters = request.typeFilters.map(parseTypeFilter).filter((filter) => filter.kind === 'filter');
  }

  /** Indexes of the selected patients, ascending. */
  *patients(): Generator<number> {
    const { groupId, patients } = this.#request;
    const group = groupId === undefined ? undefined : this.#hospital.group(groupId);
    const asked = patients === undefined ? undefined : new Set(patients);
    for (let index = 0; index < this.#hospital.patients; index += 1) {
      if (asked !== undefined && !asked.has(`pat-${index + 1}`)) continue;
      if (group?.has(index) !== false) yield index;
    }
  }

  /** Bulk Data IG, `_since` and `_until`: changed after the one and before the other. */
  inTime(at: number): boolean {
    return at > this.#since && at < this.#until;
  }

  takes(record: HospitalRecord): boolean {
    return (
      this.types.includes(record.type) && this.inTime(record.lastUpdated) && passesTypeFilters(record, this.#filters)
    );
  }

  /** The line as it is delivered, reduced by `_elements`. */
  line(record: HospitalRecord): string {
    return this.#request.elements.length === 0 ? record.text : subset(record, this.#request.elements);
  }

  /** References (`Type/id`) of resources that are deleted from the selection; needed only with `_since`. */
  *deletions(): Generator<string> {
    const patients = new Set(this.patients());
    for (const { type, id, patient, at } of this.#hospital.deletions()) {
      if (patients.has(patient) && this.types.includes(type) && this.inTime(at)) yield `${type}/${id}`;
    }
  }
}
