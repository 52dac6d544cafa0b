import { ab2d } from './ab2d.ts';
import { aidbox } from './aidbox.ts';
import { athenahealth } from './athenahealth.ts';
import { bcda } from './bcda.ts';
import { dpc } from './dpc.ts';
import { ecw } from './ecw.ts';
import { epic } from './epic.ts';
import { firely } from './firely.ts';
import { generic } from './generic.ts';
import { google } from './google.ts';
import { hapi } from './hapi.ts';
import { healthlake } from './healthlake.ts';
import { linuxforhealth } from './linuxforhealth.ts';
import { medplum } from './medplum.ts';
import { microsoft } from './microsoft.ts';
import { nextgen } from './nextgen.ts';
import { oracleAi } from './oracle-ai.ts';
import { oracleMillennium } from './oracle-millennium.ts';
import type { Profile } from './profile.ts';
import { smile } from './smile.ts';

/** All profiles, in the order in which they are named to people. */
export const PROFILES: readonly Profile[] = [
  epic,
  oracleMillennium,
  oracleAi,
  athenahealth,
  ecw,
  nextgen,
  bcda,
  ab2d,
  dpc,
  hapi,
  smile,
  firely,
  linuxforhealth,
  aidbox,
  medplum,
  microsoft,
  healthlake,
  google,
  generic,
];

/** Names of all profiles. */
export const PROFILE_NAMES: readonly string[] = PROFILES.map(({ name }) => name);

/** The profile of a name; the generic one where there is none. */
export function profileOf(name: string): Profile {
  return PROFILES.find((profile) => profile.name === name) ?? generic;
}
