import type { Problem } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { withoutLastBreak, type Environment } from '../../model/secrets.ts'
import { environmentName, SETTING_PATHS, type SettingPath } from './settings.ts'

const NAMES: ReadonlyMap<string, SettingPath> = new Map(SETTING_PATHS.map((path) => [environmentName(path), path]))

/** Variables of ours that are no settings. */
const OTHERS: ReadonlySet<string> = new Set(['BINGO_CONFIG', 'BINGO_EVENT_STORE', 'BINGO_SERVERS_CACHE'])

/** `tcp://10.0.0.7:3306`: Kubernetes puts such a BINGO_SOURCE_PORT into every pod beside a service called bingo-source. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//i
/** The other names of such variables: NAME_SERVICE_HOST, NAME_SERVICE_PORT_…, NAME_PORT_3306_TCP_ADDR … */
const SERVICE_NAMES = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)$/

function isServiceLink(name: string, value: string): boolean {
  return name.endsWith('_PORT') && SERVICE_LINK.test(value)
}

/** What the environment says of settings. An empty variable counts as not set, as compose files make them. */
export function fromEnvironment(env: Environment): ReadonlyMap<SettingPath, string> {
  const values = new Map<SettingPath, string>()
  for (const [name, path] of NAMES) {
    const value = withoutLastBreak(env[name] ?? '')
    if (value !== '' && !isServiceLink(name, value)) values.set(path, value)
  }
  return values
}

/**
 * Warns of variables that look like misspelt settings, and of those of Kubernetes that are called like one. Only near
 * misses: a service that is called bingo, or bingo-redis, puts many names that begin with BINGO_ into the environment.
 */
export function environmentProblems(env: Environment): Problem[] {
  const problems: Problem[] = []
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('BINGO_') || OTHERS.has(name)) continue
    if (NAMES.has(name)) {
      if (isServiceLink(name, value ?? '')) problems.push(ignoredLink(name))
      continue
    }
    if (name.startsWith('BINGO_TEST_') || SERVICE_NAMES.test(name)) continue
    const meant = nearestName(
      name.slice('BINGO_'.length),
      [...NAMES.keys()].map((known) => known.slice('BINGO_'.length)),
    )
    if (meant === undefined) continue
    problems.push({
      code: 'BINGO_CONFIG_UNKNOWN_VARIABLE',
      severity: 'warning',
      location: undefined,
      message: `environment variable ${name} is not a setting and is ignored`,
      hint: `Did you mean BINGO_${meant}?`,
    })
  }
  return problems
}

function ignoredLink(name: string): Problem {
  const service = name
    .replace(/_PORT$/, '')
    .toLowerCase()
    .replaceAll('_', '-')
  return {
    code: 'BINGO_CONFIG_SERVICE_VARIABLE',
    severity: 'warning',
    location: undefined,
    message: `environment variable ${name} is ignored: Kubernetes sets it for the service ${service}`,
    hint: 'Set enableServiceLinks: false in the pod, or rename the service.',
  }
}
