import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { BingoError, ProblemsError, type Problem } from '../../model/errors.ts'
import { buildConfig } from './build/build-config.ts'
import type { SourceNeed } from './build/options.ts'
import type { Config } from './config.ts'
import { fromEnvironment, environmentProblems } from './environment.ts'
import { readSettings, type FileContents } from './file.ts'
import { readValues } from './read-values.ts'
import { readSources } from './sources.ts'
import type { Environment } from '../../model/secrets.ts'
import { Reporter } from '../../rules/reporter.ts'
import { readYamlFile, UnreadableFile } from '../../rules/yaml/yaml-file.ts'

export interface LoadOptions {
  /** `--config`; without it BINGO_CONFIG, then config/bingo.yaml where it exists. */
  readonly file?: string | undefined
  readonly env: Environment
  /** Absolute; relative paths count from here. */
  readonly cwd: string
  /**
   * False for commands that do not read from a database: then a missing `source` is no problem. `unless events`: it may be
   * missing where events are taken in, or a broker is a source; `unless brokers`: in the latter case alone.
   */
  readonly sourceRequired: SourceNeed
  /** Settings, or groups of them (`http`), that are used: a missing secret of another one is no problem. Default: all. */
  readonly used?: readonly string[] | undefined
  /** A secret that is not there makes a note; something stands in for its setting. */
  readonly allowMissingSecrets?: boolean | undefined
}

export interface ReadConfig {
  readonly config: Config
  readonly problems: readonly Problem[]
  /** False where nothing of the file could be taken: whatever the configuration has instead is not what it says. */
  readonly isRead: boolean
}

const DEFAULT_FILE = 'config/bingo.yaml'
const MALFORMED = 'BINGO_CONFIG_YAML'
const EMPTY: FileContents = {
  values: new Map(),
  targets: new Map(),
  sources: undefined,
  brokers: [],
  namesBrokers: false,
  outboxes: [],
  groups: new Set(),
  problems: [],
}

/**
 * Reads the configuration as far as it goes: values that are wrong are reported and replaced by their defaults, so
 * that `check` can go on to the rules. Throws BINGO_CONFIG_FILE only.
 */
export function readConfig(options: LoadOptions): ReadConfig {
  const path = findFile(options)
  const contents = path === null ? EMPTY : readFile(path)
  const isRead = !contents.problems.some(({ code }) => code === MALFORMED)
  const problems: Problem[] = [...contents.problems, ...environmentProblems(options.env)]
  const environment = fromEnvironment(options.env)
  const reading = {
    environment,
    env: options.env,
    baseDir: options.cwd,
    used: options.used,
    allowMissingSecrets: options.allowMissingSecrets === true,
    problems,
  }
  const config = buildConfig({
    values: readValues({ ...reading, written: contents.values }),
    contents,
    sources: readSources(contents, reading),
    given: new Set([...contents.values.keys(), ...environment.keys()]),
    path,
    cwd: options.cwd,
    sourceRequired: options.sourceRequired,
    // What a malformed file does not give is in it all the same.
    problems: isRead ? problems : [],
  })
  return { config: deepFreeze(config), problems, isRead }
}

/** The configuration, or ProblemsError with everything that is wrong with it. Warnings come back beside it. */
export function loadConfig(options: LoadOptions): { config: Config; warnings: readonly Problem[] } {
  const { config, problems } = readConfig(options)
  if (problems.some((problem) => problem.severity === 'error')) throw new ProblemsError(problems)
  return { config, warnings: problems }
}

function readFile(path: string): FileContents {
  const reporter = new Reporter()
  try {
    const contents = readSettings(readYamlFile(path, path, MALFORMED, reporter))
    return { ...contents, problems: [...reporter.problems, ...contents.problems] }
  } catch (cause) {
    if (!(cause instanceof UnreadableFile)) throw cause
    throw new BingoError('BINGO_CONFIG_FILE', `cannot read the configuration ${path}: ${cause.message}`, {
      hint: 'Check the path in --config or BINGO_CONFIG and the file permissions.',
      cause,
    })
  }
}

function findFile({ file, env, cwd }: LoadOptions): string | null {
  const named = file ?? (env['BINGO_CONFIG'] || undefined)
  if (named !== undefined) return resolve(cwd, named)
  const standard = resolve(cwd, DEFAULT_FILE)
  return existsSync(standard) ? standard : null
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}
