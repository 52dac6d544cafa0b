import {
  continueAsNew,
  defineQuery,
  defineSignal,
  patched,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import type { GateReport } from '../../gate-contract.ts';
import { SLOTS } from '../../gate-contract.ts';
import { pack } from '../../policy/gate/carry.ts';
import { decide, isIdle, nextDue } from '../../policy/gate/decide.ts';
import { describeGate, reportOf } from '../../policy/gate/describe.ts';
import type { GateInput } from '../../policy/gate/gate-input.ts';
import type { GateState, Member } from '../../policy/gate/gate-state.ts';
import { ACQUIRE, RELEASE } from '../../policy/gate/messages.ts';
import { readAsk, readName } from '../../policy/gate/read-messages.ts';
import { doubt } from '../../policy/gate/search.ts';
import { leave, receiveAsk } from '../../policy/gate/receive.ts';
import { beginRun } from '../../policy/gate/silence.ts';
import { isLong } from '../continue-as-new.ts';
import { showGate } from '../metrics.ts';
import { wait } from '../wait.ts';
import type { Note } from './open-gate.ts';
import { findCutOff, openGate } from './open-gate.ts';
import { sweep } from './sweep.ts';
import { tell } from './tell.ts';

/** Milliseconds; a shorter timer takes a second as well. */
const SOON = 1000;

const acquire = defineSignal<[unknown]>(ACQUIRE);
const release = defineSignal<[unknown]>(RELEASE);
const slots = defineQuery<GateReport>(SLOTS);

/**
 * The gate of one server: gives out its slots and downloads over all exports, whatever worker they run on. Exports start it
 * and ask it by signals, and it answers by signals. All that it decides is in `policy/gate/`.
 *
 * It lives as long as somebody needs it, in runs of a few thousand events; a message that comes when a run is about to
 * end is handed to that run once more, so that none is lost.
 */
export async function exportGate(...[input, ...parts]: [input: GateInput, ...parts: Member[][]]): Promise<void> {
  const state = openGate(input, parts, Date.now());
  const { server, times } = input;
  state.answersNews = patched('gate-answers-news');
  state.knowsShares = patched('gate-knows-shares');
  state.skipsSilent = patched('gate-skips-silent');
  state.listensWell = patched('gate-listens-well');
  state.mindsClock = patched('gate-minds-clock');
  const { runId, continuedFromExecutionRunId } = workflowInfo();
  beginRun(state, runId, continuedFromExecutionRunId);
  // Signals only change the state; the loop acts on it.
  let changed = true;
  const note: Note = (change) => {
    change();
    changed = true;
  };
  setHandler(acquire, (message) => {
    const ask = readAsk(message);
    if (ask !== undefined) note(() => receiveAsk(state, ask, Date.now(), times));
  });
  setHandler(release, (message) => {
    const name = readName(message);
    if (name !== undefined) note(() => leave(state, name));
  });
  setHandler(slots, () => reportOf(state, server, Date.now()));
  if (input.carried === undefined) void findCutOff(state, input, note);
  const waitsForSearch = patched('gate-waits-for-search');
  let sweeping = false;
  for (;;) {
    changed = false;
    doubt(state, await tell(decide(state, Date.now(), times)));
    const report = reportOf(state, server, Date.now());
    setCurrentDetails(describeGate(report));
    showGate(report, Date.now());
    if (!sweeping && state.members.length > 0 && Date.now() >= state.sweptAt + times.gateSweep) {
      sweeping = true;
      void sweep(state, times, note).finally(() => {
        sweeping = false;
        if (waitsForSearch) changed = true;
      });
    }
    // Nothing is waited for between here and the end of the run: what comes meanwhile is handed to it once more.
    if (isLong()) await continueInNewRun(input, state);
    if (changed) continue;
    if (isIdle(state, Date.now(), times)) return;
    const due = nextDue(state, Date.now(), times, sweeping && waitsForSearch);
    const until = Math.max(due, Date.now() + SOON);
    await wait({ until, unless: () => changed, summary: 'until somebody asks' });
  }
}

// It lives for ever, and must not keep workers of its first version alive. Workers without a version may not say so.
setWorkflowOptions(
  () => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}),
  exportGate,
);

async function continueInNewRun({ server, times }: GateInput, state: GateState): Promise<never> {
  const [carried, ...parts] = pack(state);
  return continueAsNew<typeof exportGate>({ server, times, carried }, ...parts);
}
