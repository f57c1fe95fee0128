import { LibraryPipeline } from '../app/library/create-pipeline.ts'
import type { EventHooks } from '../app/library/parts.ts'
import { compileOptions } from '../app/library/rules.ts'
import { configOf } from '../app/library/settings.ts'
import { handlerType, type HandlerTargetDeps } from './handler-target.ts'
import { pipelineOptions, type BrokerSettings } from './options.ts'
import { HANDLERS } from './subscription-rule.ts'

/** The pipeline of a broker: its events are the only source, and handlers its only target. */
export function brokerPipeline(
  settings: BrokerSettings,
  handlers: HandlerTargetDeps,
  hooks: EventHooks,
): LibraryPipeline {
  const { log, clock, name, buffer } = settings
  const options = pipelineOptions(settings)
  const config = configOf(options)
  const types = new Map([[HANDLERS.type, handlerType(handlers)]])
  const compile = compileOptions(config, types, {}, true)
  // What is pending must fit beside what has ended and is remembered.
  const bounds = settings.isInMemory ? { maxEvents: Math.max(100_000, buffer * 2) } : {}
  const eventHooks = { ...hooks, group: name, bounds }
  return new LibraryPipeline(
    { config, sources: [], types, compile, log, clock, env: process.env, eventHooks },
    { rules: [], files: [] },
  )
}
