import { BingoError } from '../../model/errors.ts'
import type { Environment } from '../../model/secrets.ts'
import { MAIN_SOURCE, type SourceConfig, type Config } from '../config/config.ts'
import { configFromInput } from '../config/from-input.ts'
import { EVENTS_SOURCE } from '../config/sources.ts'
import type { NamedSource } from '../open-sources.ts'
import type { LoadRulesOptions, MysqlSourceOptions, PipelineOptions } from './contract.ts'

/** The settings of a pipeline as those of a daemon; `state` is both places. Throws ProblemsError. */
export function configOf({ name, state, settings = {}, env, events }: PipelineOptions): Config {
  const checkpoint = { ...settings.checkpoint, store: state }
  return read({ ...settings, name, checkpoint, ...(events && { events }) }, 'createPipeline', env, false)
}

/** As `configOf`, where nothing is opened. */
export function rulesConfigOf({ settings = {}, env }: LoadRulesOptions): Config {
  return read({ ...settings, checkpoint: { store: 'memory:' } }, 'loadRules', env, false)
}

/** Throws BINGO_PIPELINE_SOURCES, or ProblemsError for what is said of a server. */
export function namedSources({ sources = [], events, env }: PipelineOptions): readonly NamedSource[] {
  if (sources.length === 0 && events === undefined) {
    throw wrongSources(
      'there is none',
      "Give it one, as in sources: [{ type: 'mysql', url: 'mysql://…' }], or events: { store: 'file:PATH' }.",
    )
  }
  const named = sources.map((source): NamedSource => {
    if ('run' in source) return { name: source.name, custom: source }
    const { name = MAIN_SOURCE } = source
    return { name, mysql: mysqlConfig(source, env), isMain: name === MAIN_SOURCE }
  })
  const names = named.map(({ name }) => name)
  const bad = names.find((name) => !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
  if (bad !== undefined) {
    throw wrongSources(`"${bad}" is not a valid name`, 'Letters, digits, ".", "_" and "-", at most 64.')
  }
  if (events !== undefined && names.includes(EVENTS_SOURCE)) {
    throw wrongSources(`"${EVENTS_SOURCE}" is what posted events are called`, 'Give the source another name.')
  }
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) {
    throw wrongSources(`two are called "${twice}"`, 'Give each its own name: its position is stored under it.')
  }
  return named
}

function mysqlConfig({ type: _type, name, ...source }: MysqlSourceOptions, env: Environment | undefined): SourceConfig {
  const called = `sources: ${name ?? MAIN_SOURCE}`
  return read({ source, checkpoint: { store: 'memory:' } }, called, env, true).source
}

function read(
  input: Parameters<typeof configFromInput>[0],
  called: string,
  env: Environment = process.env,
  sourceRequired: boolean,
): Config {
  return configFromInput(input, { called, env, cwd: process.cwd(), sourceRequired })
}

function wrongSources(why: string, hint: string): BingoError {
  return new BingoError('BINGO_PIPELINE_SOURCES', `The sources of the pipeline cannot be used: ${why}`, { hint })
}
