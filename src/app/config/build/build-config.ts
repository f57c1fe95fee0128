import { parseStoreUrl } from '../../../state/store-url.ts'
import { checkBrokerNames } from '../brokers/check-names.ts'
import type { Config } from '../config.ts'
import { checkBinlogOf, eventsOf, eventStoreOf, reserveNames } from '../events.ts'
import { scaleOf } from '../scale.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE } from '../sources.ts'
import { httpOf } from './http.ts'
import type { BuildOptions } from './options.ts'
import { rangeOf } from './range.ts'
import { checkSeparateFiles } from './separate-files.ts'
import { source, sourcesOf } from './source.ts'
import { standbyOf } from './standby.ts'

/** Puts the values in the shape that the daemon reads and checks what no setting can tell alone. */
export function buildConfig(options: BuildOptions): Config {
  const { values, contents } = options
  const checkpointStore = values['checkpoint.store']!
  const events = eventsOf(options)
  const eventStore = eventStoreOf(options)
  const follows = eventStore !== null && eventStore.follow !== 'off'
  const polls = contents.outboxes.some(({ polling }) => polling !== undefined)
  const isWorker = values['scale.role'] === 'worker'
  const isOptional = events !== null || follows || polls || isWorker || contents.namesBrokers
  const sources = sourcesOf(options, isOptional)
  checkBinlogOf(eventStore, sources.length > 0, options)
  reserveNames(options, sources, [...(events === null ? [] : [EVENTS_SOURCE]), ...(follows ? [STREAMS_SOURCE] : [])])
  checkBrokerNames(options, sources)
  const main = sources[0] ?? source({ ...options, sourceRequired: false })
  const config: Config = {
    name: values.name!,
    source: main,
    sources,
    checkpoint: { store: checkpointStore, intervalMs: values['checkpoint.interval']! },
    standby: standbyOf(options, sources),
    redis: {
      url: values['redis.url'] ?? (parseStoreUrl(checkpointStore)?.tag === 'redis' ? checkpointStore : undefined),
    },
    rules: {
      patterns: values.rules!,
      mayBeMissing: contents.outboxes.length > 0 && !options.given.has('rules'),
      baseDir: options.cwd,
      watch: values.watchRules!,
    },
    brokers: contents.brokers,
    outboxes: contents.outboxes,
    targets: contents.targets,
    lanes: values.lanes!,
    budgetBytes: values.budget!,
    targetBudgetBytes: values.targetBudget,
    delivery: {
      timeoutMs: values['delivery.timeout']!,
      onFailure: values['delivery.onFailure']!,
      retry: {
        attempts: values['delivery.retry.attempts']!,
        maxAgeMs: values['delivery.retry.maxAge']!,
        ...rangeOf(options, 'delivery.retry.min', 'delivery.retry.max'),
      },
    },
    breakerEvents: values['breaker.events']!,
    spool: { afterMs: values['spool.after']!, maxBytes: values['spool.maxBytes']! },
    deadLetters: {
      store: values['deadLetters.store'],
      maxCount: values['deadLetters.maxCount']!,
      maxBytes: values['deadLetters.maxBytes']!,
      maxAgeMs: values['deadLetters.maxAge']!,
    },
    webhooks: { allowCidrs: values['webhooks.allowCidrs']! },
    shutdown: { deadlineMs: values['shutdown.deadline']! },
    http: httpOf(options, events),
    events,
    eventStore,
    scale: scaleOf(options, { events, eventStore: eventStore !== null }),
    sagas: { store: values['sagas.store'], keepMs: values['sagas.keep']! },
    log: {
      level: values['log.level']!,
      rowValues: values['log.rowValues']!,
      deliveries: values['log.deliveries']!,
    },
    file: options.path,
  }
  checkSeparateFiles(options, config)
  return config
}
