import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../support/random.ts';
import type { Chances } from './simulation.ts';
import { LONGEST_LOSS, SimulatedExport, simulate } from './simulation.ts';

const CALM: Chances = { continues: 0, gateKilled: 0, killed: 0, busy: 0, twice: 0, late: 500 };
const WILD: Chances = { continues: 0.01, gateKilled: 0.0003, killed: 0.0002, busy: 0.05, twice: 0.2, late: 20_000 };

/** Lives of some exports; checks after each second that no limit is exceeded and no slot is lost. */
function check(seed: number, chances: Chances, limits: { exports: number; downloads: number }): void {
  const random = seededRandom(seed);
  const exports = Array.from(
    { length: 4 + Math.floor(random() * 30) },
    (_, index) =>
      new SimulatedExport(
        `export-${index}`,
        {
          since: 1_800_000_000_000 + index,
          pool: random() < 0.3 ? 'Group/1' : '',
          priority: 1 + Math.floor(random() * 3),
          fairnessKey: `${Math.floor(random() * 3)}`,
          limits,
        },
        random,
      ),
  );
  const killedAt = new Map<SimulatedExport, number>();
  simulate(exports, {
    chances,
    random,
    look: (now, gate) => {
      for (const pool of ['', 'Group/1']) {
        const holding = exports.filter((one) => one.pool === pool && one.holds);
        atMost(holding.length, limits.exports, 'exports at a time');
      }
      const inFlight = exports.reduce((sum, one) => sum + (one.runs ? one.inFlight : 0), 0);
      atMost(inFlight, limits.downloads, 'downloads at a time');
      for (const one of exports) if (one.killed && !killedAt.has(one)) killedAt.set(one, now);
      for (const { firstRunId, slot } of gate.members) {
        const killed = exports.find(({ name, killed }) => killed && name.firstRunId === firstRunId);
        if (slot === 'held' && killed !== undefined) {
          atMost(now - (killedAt.get(killed) ?? now), LONGEST_LOSS, 'milliseconds for which a slot is lost');
        }
      }
    },
  });
  for (const one of exports) expect(one.servedAt !== undefined || one.killed).toBe(true);
}

/** `expect` would take most of the time. */
function atMost(value: number, most: number, what: string): void {
  if (value > most) throw new Error(`${what}: ${value} instead of at most ${most}`);
}

describe('never too many exports or downloads, no slot lost, and everybody is served', () => {
  test.each([1, 2, 3, 4, 5])('in calm times: %i', (seed) => check(seed, CALM, { exports: 1, downloads: 4 }));

  test.each(Array.from({ length: 20 }, (_, index) => index + 100))(
    'while the gate and exports are killed, and messages come late and twice: %i',
    (seed) => check(seed, WILD, { exports: 1 + (seed % 3), downloads: 1 + (seed % 7) }),
  );

  test.each(Array.from({ length: 20 }, (_, index) => index + 200))('while many download at a time: %i', (seed) =>
    check(seed, WILD, { exports: 20, downloads: 1 + (seed % 7) }),
  );
});
