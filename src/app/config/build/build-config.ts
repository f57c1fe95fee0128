import type { Problem } from '../../../model/errors.ts'
import type { SourceAddress } from '../../../sources/mysql/source-address.ts'
import { isLoopback } from '../addresses.ts'
import { checkBrokerNames } from '../brokers/check-names.ts'
import { MAIN_SOURCE } from '../config.ts'
import { checkBinlogOf, eventsOf, eventStoreOf, reserveNames, tokensOf } from '../events.ts'
import type { Config, EventsConfig, HttpConfig, NamedSourceConfig, SourceConfig, StandbyConfig } from '../config.ts'
import { parseStoreUrl } from '../../../state/store-url.ts'
import type { FileContents } from '../file.ts'
import { scaleOf } from '../scale.ts'
import type { SettingPath, SettingValues } from '../settings.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE, type ReadSource } from '../sources.ts'

const MYSQL_PORT = 3306

/** Whether somebody has to say where to read rows from. */
export type SourceNeed = boolean | 'unless events' | 'unless brokers'

export interface BuildOptions {
  /** Complete but for the settings that have no default. */
  readonly values: SettingValues
  readonly contents: Pick<FileContents, 'values' | 'targets' | 'groups' | 'brokers' | 'namesBrokers' | 'outboxes'>
  /** The entries of `sources:`; undefined: there is the one of `source:`. */
  readonly sources: readonly ReadSource[] | undefined
  /** Paths that the file or the environment give, right or wrong. */
  readonly given: ReadonlySet<string>
  readonly path: string | null
  readonly cwd: string
  readonly sourceRequired: SourceNeed
  /** Problems between settings are added here. */
  readonly problems: Problem[]
}

/** As `BuildOptions`, for the source that `values` describe. */
interface SourceOptions extends BuildOptions {
  readonly sourceRequired: boolean
  /** Of the list; undefined: it is that of the short form. */
  readonly entry?: ReadSource
}

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
  return {
    name: values.name!,
    source: main,
    sources,
    checkpoint: { store: checkpointStore, intervalMs: values['checkpoint.interval']! },
    standby: standby(options, sources),
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
        ...range(options, 'delivery.retry.min', 'delivery.retry.max'),
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
    http: http(options, events),
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
}

/** What names a server; a mere `source.start` does not. */
const ADDRESSES: readonly SettingPath[] = ['source.url', 'source.host', 'source.hosts', 'source.socket']

function sourcesOf(options: BuildOptions, hasEvents: boolean): readonly NamedSourceConfig[] {
  const { sources, sourceRequired: need } = options
  if (sources !== undefined && sources.length > 0) {
    return sources.map((entry) => {
      const { name, values, written } = entry
      const contents = { ...options.contents, values: written }
      const sourceRequired = need !== false
      return {
        name,
        ...source({ ...options, sourceRequired, values, contents, given: new Set(written.keys()), entry }),
      }
    })
  }
  // An empty list was reported as such.
  const isMet = need === 'unless brokers' ? options.contents.namesBrokers : need === 'unless events' && hasEvents
  const sourceRequired = need !== false && !isMet && sources === undefined
  const isNamed = ADDRESSES.some((path) => options.given.has(path))
  if (!isNamed && hasEvents && !sourceRequired) return []
  return [{ name: MAIN_SOURCE, ...source({ ...options, sourceRequired }) }]
}

function source(options: SourceOptions): SourceConfig {
  const { values } = options
  return {
    ...address(options),
    hosts: values['source.hosts'] ?? [],
    start: values['source.start']!,
    startGiven: options.given.has('source.start'),
    serverId: values['source.serverId'] ?? null,
    heartbeatMs: values['source.heartbeat']!,
    connectTimeoutMs: values['source.connectTimeout']!,
    queryTimeoutMs: values['source.queryTimeout']!,
    reconnect: range(options, 'source.reconnect.min', 'source.reconnect.max'),
    onGap: values['source.onGap']!,
    ignoreStatementsOn: values['source.ignoreStatementsOn']!,
  }
}

/** `source.url` with the single settings on top: a password is often kept apart from the rest. */
function address(options: SourceOptions): SourceAddress {
  const { values } = options
  const url = values['source.url']
  const preferred = values['source.hosts']?.[0]
  const host = preferred?.host ?? values['source.host'] ?? url?.host
  const socketPath = preferred === undefined ? (values['source.socket'] ?? url?.socketPath) : undefined
  const user = values['source.user'] ?? url?.user
  const unreadable = url === undefined && options.given.has('source.url')
  if (options.sourceRequired && !unreadable) {
    if (host === undefined && socketPath === undefined) {
      report(options, 'source.url', 'BINGO_CONFIG_MISSING', 'source.url is missing: no database to read from', {
        hint: 'Set BINGO_SOURCE_URL=mysql://user:password@host:3306, or source.url in config/bingo.yaml.',
        ofEntry: 'Write url: mysql://user:password@host:3306 into the entry.',
      })
    } else if (user === undefined) {
      report(options, 'source.user', 'BINGO_CONFIG_MISSING', 'the database user is missing', {
        hint: 'Set BINGO_SOURCE_USER (and BINGO_SOURCE_PASSWORD), or write both into source.url.',
        ofEntry: 'Write user: and password: into the entry, or both into its url.',
      })
    }
  }
  return {
    host: host ?? '127.0.0.1',
    port: preferred?.port ?? values['source.port'] ?? url?.port ?? MYSQL_PORT,
    socketPath,
    user: user ?? '',
    password: values['source.password'] ?? url?.password ?? '',
    tls: {
      mode: values['source.tls'] ?? url?.tls.mode ?? 'disable',
      ca: values['source.tlsCa'] ?? url?.tls.ca,
      cert: values['source.tlsCert'] ?? url?.tls.cert,
      key: values['source.tlsKey'] ?? url?.tls.key,
    },
  }
}

/** Instances on several machines share a checkpoint, and one place for the lease. */
function standby(options: BuildOptions, sources: readonly SourceConfig[]): StandbyConfig {
  const { values } = options
  const given = values['standby.lease']!
  const lease = given === 'redis' ? 'store' : given
  if (lease !== 'off' && /^(file|memory):/.test(values['checkpoint.store']!)) {
    report(
      options,
      'standby.lease',
      'BINGO_CONFIG_STANDBY',
      'a standby needs a checkpoint store that both instances can reach',
      {
        hint: 'Set checkpoint.store to a Redis, like redis://cache:6379/1, or to a database, like postgres://bingo:secret@db/bingo.',
      },
    )
  }
  if (lease === 'mysql' && sources.length === 0) {
    report(
      options,
      'standby.lease',
      'BINGO_CONFIG_STANDBY',
      'a lock on the source cannot be the lease without a source',
      {
        hint: 'Set standby.lease to store.',
      },
    )
  }
  if (lease === 'mysql' && sources[0] !== undefined && sources[0].hosts.length > 1) {
    report(
      options,
      'standby.lease',
      'BINGO_CONFIG_STANDBY',
      'a lock on one server cannot be the lease when source.hosts lists several servers',
      {
        hint: 'Set standby.lease to store.',
      },
    )
  }
  return { lease, ttlMs: values['standby.ttl']! }
}

function http(options: BuildOptions, events: EventsConfig | null): HttpConfig {
  const listen = options.values['http.listen'] ?? null
  const token = options.values['http.token'] || undefined
  // One that is given and cannot be read is reported as such, or belongs to a command that does not use it.
  const unread = options.values['http.token'] === undefined && options.given.has('http.token')
  const hasTokens = options.values['http.tokens']!.length > 0
  if (listen !== null && token === undefined && !hasTokens && !unread && !isLoopback(listen.host)) {
    report(options, 'http.listen', 'BINGO_CONFIG_HTTP_TOKEN', `http.listen on ${listen.host} requires a token`, {
      hint: 'Set http.token (BINGO_HTTP_TOKEN), or listen on 127.0.0.1.',
    })
  }
  return { listen, token, tokens: tokensOf(options, events) }
}

/** What `report` looks at. */
type Reported = BuildOptions & { readonly entry?: ReadSource }

function range(options: Reported, min: RangePath, max: RangePath): { minMs: number; maxMs: number } {
  const minMs = options.values[min]!
  const maxMs = options.values[max]!
  if (minMs > maxMs) {
    report(options, min, 'BINGO_CONFIG_VALUE', `${min} (${minMs} ms) exceeds ${max} (${maxMs} ms)`, {
      hint: `Make ${max} at least as long.`,
    })
  }
  return { minMs, maxMs }
}
type RangePath = 'source.reconnect.min' | 'source.reconnect.max' | 'delivery.retry.min' | 'delivery.retry.max'

function report(
  { contents, problems, entry }: Reported,
  path: SettingPath,
  code: string,
  message: string,
  { hint, ofEntry = hint }: { hint: string; ofEntry?: string },
): void {
  const location = contents.values.get(path)?.location ?? entry?.location
  const of = entry === undefined ? '' : `source ${entry.name}: `
  problems.push({
    code,
    severity: 'error',
    location,
    message: of + message,
    hint: entry === undefined ? hint : ofEntry,
  })
}
