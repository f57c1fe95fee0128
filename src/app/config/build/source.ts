import type { SourceAddress } from '../../../sources/mysql/source-address.ts'
import { MAIN_SOURCE, type NamedSourceConfig, type SourceConfig } from '../config.ts'
import type { SettingPath } from '../settings.ts'
import type { ReadSource } from '../sources.ts'
import { report, type BuildOptions } from './options.ts'
import { rangeOf } from './range.ts'

const MYSQL_PORT = 3306

/** As `BuildOptions`, for the source that `values` describe. */
interface SourceOptions extends BuildOptions {
  readonly sourceRequired: boolean
  /** Of the list; undefined: it is that of the short form. */
  readonly entry?: ReadSource
}

/** What names a server; a mere `source.start` does not. */
const ADDRESSES: readonly SettingPath[] = ['source.url', 'source.host', 'source.hosts', 'source.socket']

/** The servers that are read as replicas. `hasEvents`: there is something else to work on. */
export function sourcesOf(options: BuildOptions, hasEvents: boolean): readonly NamedSourceConfig[] {
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

export function source(options: SourceOptions): SourceConfig {
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
    reconnect: rangeOf(options, 'source.reconnect.min', 'source.reconnect.max'),
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
