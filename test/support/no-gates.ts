import type { Gates } from '../../src/process/gates.ts';

/** For activities of servers without a gate. */
export const NO_GATES: Gates = {
  ask: () => Promise.reject(new Error('there is no gate here')),
  leave: () => Promise.reject(new Error('there is no gate here')),
  wasCutOff: () => Promise.reject(new Error('there is no gate here')),
};
