import type { PresetName } from './configuration.ts'
import { ciPresets } from './presets/ci.ts'
import { peoplePresets } from './presets/people.ts'
import type { ForbiddenEvents, Preset } from './presets/preset.ts'
import { runtimePresets } from './presets/runtimes.ts'

export const presets: Readonly<Record<PresetName, Preset>> = { ...ciPresets, ...runtimePresets, ...peoplePresets }

export function forbiddenEvents(preset: PresetName | undefined): ForbiddenEvents | undefined {
  return preset === undefined ? undefined : presets[preset].forbidden
}
