import { profileOf } from './index.ts';
import type { ServerSettings } from './settings.ts';
import { DEFAULTS } from './settings.ts';

/** What the configuration says of a server's settings; `generic` is a profile without facts. */
export type SettingsOfServer = { profile: string } & {
  readonly [Name in keyof ServerSettings]?: ServerSettings[Name] | undefined;
};

const NAMES = Object.keys(DEFAULTS) as (keyof ServerSettings)[];

/** The settings of a server: what is configured wins over the profile, and the profile over the defaults. */
export function resolveSettings(configured: SettingsOfServer): ServerSettings {
  const { settings } = profileOf(configured.profile);
  const resolved = NAMES.map((name) => [name, configured[name] ?? settings[name]?.value ?? DEFAULTS[name]]);
  return Object.fromEntries(resolved) as ServerSettings;
}
