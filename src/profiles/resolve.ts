import { profileOf } from './index.ts';
import type { ServerSettings } from './settings.ts';
import { DEFAULTS } from './settings.ts';

/**
 * What the configuration says of a server's settings; `generic` is a profile without facts. Null: not what the profile
 * says, but the default.
 */
export type SettingsOfServer = { profile: string } & {
  readonly [Name in keyof ServerSettings]?: ServerSettings[Name] | null | undefined;
};

const NAMES = Object.keys(DEFAULTS) as (keyof ServerSettings)[];

/** The settings of a server: what is configured wins over the profile, and the profile over the defaults. */
export function resolveSettings(configured: SettingsOfServer): ServerSettings {
  const { settings } = profileOf(configured.profile);
  const resolved = NAMES.map((name) => {
    const own = configured[name];
    return [name, own === null ? DEFAULTS[name] : (own ?? settings[name]?.value ?? DEFAULTS[name])];
  });
  return Object.fromEntries(resolved) as ServerSettings;
}
