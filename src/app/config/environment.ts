import type { Problem } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { Environment } from '../../model/secrets.ts'
import { environmentName, SETTING_PATHS, type SettingPath } from './settings.ts'

const NAMES: ReadonlyMap<string, SettingPath> = new Map(SETTING_PATHS.map((path) => [environmentName(path), path]))

/** Variables of ours that are no settings. */
const OTHERS: ReadonlySet<string> = new Set(['BINGO_CONFIG', 'BINGO_SERVERS_CACHE'])

/** What the environment says of settings. An empty variable counts as not set, as compose files make them. */
export function fromEnvironment(env: Environment): ReadonlyMap<SettingPath, string> {
  const values = new Map<SettingPath, string>()
  for (const [name, path] of NAMES) {
    const value = env[name]
    if (value !== undefined && value !== '') values.set(path, value)
  }
  return values
}

/**
 * Warns of variables that look like misspelt settings. Only near misses: Kubernetes puts BINGO_PORT_… and
 * BINGO_SERVICE_… into the environment when a service is called bingo.
 */
export function misspeltVariables(env: Environment): Problem[] {
  const problems: Problem[] = []
  for (const name of Object.keys(env)) {
    if (!name.startsWith('BINGO_') || NAMES.has(name as SettingPath) || OTHERS.has(name)) continue
    if (/^BINGO_(TEST|PORT|SERVICE)(_|$)/.test(name)) continue
    const meant = nearestName(
      name.slice('BINGO_'.length),
      [...NAMES.keys()].map((known) => known.slice('BINGO_'.length)),
    )
    if (meant === undefined) continue
    problems.push({
      code: 'BINGO_CONFIG_UNKNOWN_VARIABLE',
      severity: 'warning',
      location: undefined,
      message: `the environment variable ${name} is not a setting and has no effect`,
      hint: `Did you mean BINGO_${meant}?`,
    })
  }
  return problems
}
