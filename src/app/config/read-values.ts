import type { Problem, SourceLocation } from '../../model/errors.ts'
import { DEFAULTS } from './defaults.ts'
import type { WrittenValue } from './file.ts'
import { MissingSecret, refuseUnknownReferences, resolveSecrets, type Environment } from '../../model/secrets.ts'
import { environmentName, isUrl, SETTING_PATHS, SETTINGS, type SettingPath, type SettingValues } from './settings.ts'
import { InvalidValue, type Parse } from './values.ts'

export interface ReadValuesOptions {
  readonly written: ReadonlyMap<string, WrittenValue>
  readonly environment: ReadonlyMap<SettingPath, string>
  readonly env: Environment
  readonly baseDir: string
  /** Paths or groups whose secrets must be there; undefined: all. */
  readonly used: readonly string[] | undefined
  /** A secret that is not there makes a note, and something stands in for it. */
  readonly allowMissingSecrets: boolean
  /** Problems found are added here. */
  readonly problems: Problem[]
  /** Begins the message of a problem. */
  readonly called?: string
  /** Only the settings whose path begins so; the others are undefined. */
  readonly within?: string
}

/** Settings by path: from the environment, else from the file, else the default, else undefined. */
export function readValues(options: ReadValuesOptions): SettingValues {
  const values: { [path: string]: unknown } = {}
  for (const path of SETTING_PATHS) {
    if (path.startsWith(options.within ?? '')) values[path] = readValue(path, options)
  }
  return values as SettingValues
}

function readValue(path: SettingPath, options: ReadValuesOptions): unknown {
  const variable = options.environment.get(path)
  const written = options.written.get(path)
  const fallback = defaultOf(path)
  const absent: MissingSecret[] = []
  if (variable === undefined && written === undefined) return parse(path, fallback)
  try {
    if (variable === undefined) refuseUnknown(written!.value)
    return parse(path, withSecrets(path, variable ?? written!.value, options, absent))
  } catch (error) {
    if (!(error instanceof InvalidValue) && !(error instanceof MissingSecret)) throw error
    const idle = error instanceof MissingSecret && !isUsed(path, options.used)
    if (idle || absent.length > 0) return parse(path, fallback)
    options.problems.push(problemOf(path, error, variable === undefined ? written?.location : undefined, options))
    // What is wrong has been said: nobody is to miss the address besides.
    return parse(path, fallback ?? (ADDRESS_PATHS.has(path) ? ADDRESS : undefined))
  } finally {
    for (const missing of absent) {
      const location = variable === undefined ? written?.location : undefined
      options.problems.push({
        ...problemOf(path, missing, location, options),
        severity: 'note',
        hint: 'it was not checked',
      })
    }
  }
}

/** In place of an address that is wrong, or a secret that is not there: one that no other setting is at odds with. */
const ADDRESS = 'redis://secret.invalid'
const ADDRESS_PATHS: ReadonlySet<SettingPath> = new Set(['redis.url', 'checkpoint.store', 'deadLetters.store'])

function isUsed(path: SettingPath, used: readonly string[] | undefined): boolean {
  return used === undefined || used.some((name) => path === name || path.startsWith(`${name}.`))
}

function parse(path: SettingPath, value: unknown): unknown {
  return value === undefined ? undefined : (SETTINGS[path] as Parse<unknown>)(value)
}

function problemOf(
  path: SettingPath,
  error: InvalidValue | MissingSecret,
  location: SourceLocation | undefined,
  { called = '' }: ReadValuesOptions,
): Problem {
  const missing = error instanceof MissingSecret
  return {
    code: missing ? 'BINGO_CONFIG_SECRET' : 'BINGO_CONFIG_VALUE',
    severity: 'error',
    location,
    message: `${called}${location === undefined ? environmentName(path) : path}: ${error.message}`,
    hint: error.hint,
  }
}

/** In a variable, `${X}` may be part of a password: what is there has been put in by others already. */
function refuseUnknown(value: unknown): void {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(refuseUnknown)
  else if (typeof value === 'string') refuseUnknownReferences(value)
}

/** `absent` gets the secrets that are not there. */
function withSecrets(path: SettingPath, value: unknown, options: ReadValuesOptions, absent: MissingSecret[]): unknown {
  if (Array.isArray(value)) return value.map((item) => withSecrets(path, item, options, absent))
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [key, withSecrets(path, item, options, absent)])
    return Object.fromEntries(entries) as object
  }
  if (typeof value !== 'string') return value
  const { env, baseDir, allowMissingSecrets } = options
  const standIn = (missing: MissingSecret): string => {
    absent.push(missing)
    return missing.offset === 0 && ADDRESS_PATHS.has(path) ? ADDRESS : 'secret'
  }
  return resolveSecrets(value, {
    env,
    baseDir,
    url: isUrl(path),
    standIn: allowMissingSecrets ? standIn : undefined,
  })
}

function defaultOf(path: SettingPath): unknown {
  let value: unknown = DEFAULTS
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as { [key: string]: unknown })[step]
  }
  return value
}
