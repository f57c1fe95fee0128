import { BingoError } from '../../model/errors.ts'
import type { Environment } from '../../model/secrets.ts'
import { MAIN_SOURCE, type SourceConfig, type Config } from '../config/config.ts'
import { configFromInput } from '../config/from-input.ts'
import { EVENTS_SOURCE } from '../config/sources.ts'
import type { NamedSource } from '../open-sources.ts'
import { BROKER_TYPES } from '../../sources/broker/address.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { brokerAddress } from '../brokers/open-brokers.ts'
import type { BrokerSourceOptions, LoadRulesOptions, MysqlSourceOptions, PipelineOptions } from './contract.ts'

/** The settings of a pipeline as those of a daemon, with its brokers; `state` is both places. Throws ProblemsError. */
export function configOf({
  name,
  state,
  settings = {},
  env = process.env,
  events,
  sources = [],
}: PipelineOptions): Config {
  const checkpoint = { ...settings.checkpoint, store: state }
  const brokers = sources.filter(isBroker)
  const input = {
    ...settings,
    name,
    checkpoint,
    ...(events && { events }),
    ...(brokers.length > 0 && { sources: brokers }),
  }
  const config = read(input, 'createPipeline', env, false)
  // An address that is put together with secrets is judged here, not when the pipeline runs.
  for (const broker of config.brokers) brokerAddress(broker, env, config.rules.baseDir)
  return config
}

type GivenSource = NonNullable<PipelineOptions['sources']>[number]

function isBroker(source: GivenSource): source is BrokerSourceOptions {
  return !('run' in source) && BROKER_TYPES.some((type) => type === source.type)
}

/** As `configOf`, where nothing is opened. */
export function rulesConfigOf({ settings = {}, env }: LoadRulesOptions): Config {
  return read({ ...settings, checkpoint: { store: 'memory:' } }, 'loadRules', env, false)
}

/** Those that are not brokers. Throws BINGO_PIPELINE_SOURCES, or ProblemsError for what is said of a server. */
export function namedSources({ sources = [], events, env }: PipelineOptions): readonly NamedSource[] {
  if (sources.length === 0 && events === undefined) {
    throw wrongSources(
      'there is none',
      "Give it one, as in sources: [{ type: 'mysql', url: 'mysql://…' }], or events: { store: 'file:PATH' }.",
    )
  }
  const named = sources.flatMap((source): readonly NamedSource[] => {
    if (isBroker(source)) return []
    if ('run' in source) return [{ name: source.name, custom: source }]
    if (source.type !== 'mysql') throw unknownType(source)
    const { name = MAIN_SOURCE } = source
    return [{ name, mysql: mysqlConfig(source, env), isMain: name === MAIN_SOURCE }]
  })
  const brokers = sources.filter(isBroker).map(({ name, type }) => name ?? type)
  const names = [...named.map(({ name }) => name), ...brokers]
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

/** What a caller without types can write. */
function unknownType({ type }: { readonly type: unknown }): BingoError {
  const types = ['mysql', ...BROKER_TYPES]
  const meant = typeof type === 'string' ? nearestName(type, types) : undefined
  const hint = `${meant === undefined ? '' : `Did you mean "${meant}"? `}Types: ${types.join(', ')}. Your own source has a method \`run\`.`
  return wrongSources(`"${String(type)}" is not a type of a source`, hint)
}

function wrongSources(why: string, hint: string): BingoError {
  return new BingoError('BINGO_PIPELINE_SOURCES', `The sources of the pipeline cannot be used: ${why}`, { hint })
}
