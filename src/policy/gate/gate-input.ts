import type { CarriedGate } from './carry.ts';
import type { GateTimes } from './gate-state.ts';

/** The first argument of a gate. */
export interface GateInput {
  server: string;
  times: GateTimes;
  /** For the project's own use: what the previous run passes on, but for the exports, which are further arguments. */
  carried?: CarriedGate;
}
