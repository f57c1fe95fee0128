import { ProblemsError, type Problem } from '../../model/errors.ts'
import type { Environment } from '../../model/secrets.ts'
import { Reporter } from '../../rules/reporter.ts'
import { parseYaml } from '../../rules/yaml/yaml-tree.ts'
import { buildConfig } from './build/build-config.ts'
import type { SourceNeed } from './build/options.ts'
import type { Config } from './config.ts'
import { readSettings } from './file.ts'
import type { ConfigInput } from './input.ts'
import { readValues } from './read-values.ts'
import { readSources } from './sources.ts'

export interface FromInputOptions {
  /** What the object is called in messages. */
  readonly called: string
  readonly env: Environment
  /** Absolute; relative paths count from here. */
  readonly cwd: string
  readonly sourceRequired: SourceNeed
}

/**
 * A configuration from an object instead of a file, read by the same parsers; the environment counts for `${env:NAME}` only.
 * Throws ProblemsError with everything that is wrong.
 */
export function configFromInput(input: ConfigInput, { called, env, cwd, sourceRequired }: FromInputOptions): Config {
  const reporter = new Reporter()
  // A line per setting: the line that an error shows then holds nothing of another one, such as a password.
  const text = JSON.stringify(input, null, 2)
  const contents = readSettings(parseYaml({ text, file: called, code: 'BINGO_CONFIG_YAML' }, reporter))
  const problems: Problem[] = [...reporter.problems, ...contents.problems]
  const environment = new Map<never, string>()
  const reading = {
    environment,
    env,
    baseDir: cwd,
    used: undefined,
    allowMissingSecrets: false,
    problems,
  }
  const values = readValues({ ...reading, written: contents.values })
  const sources = readSources(contents, reading)
  const given = new Set(contents.values.keys())
  const config = buildConfig({ values, contents, sources, given, path: null, cwd, sourceRequired, problems })
  if (problems.some(({ severity }) => severity === 'error')) throw new ProblemsError(problems)
  return config
}
