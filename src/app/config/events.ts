import { dirname, join } from 'node:path'
import type { HttpToken } from '../../events/settings.ts'
import { needsIndex } from '../../log/store-address.ts'
import { parseStoreUrl } from '../../state/store-url.ts'
import type { BuildOptions } from './build/options.ts'
import type { EventsConfig, EventStoreConfig, NamedSourceConfig } from './config.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE } from './sources.ts'

/** Null where nobody has said anything of events. */
export function eventsOf(options: BuildOptions): EventsConfig | null {
  const { values, contents, given } = options
  const isGiven = contents.groups.has('events') || [...given].some((path) => path.startsWith('events.'))
  if (!isGiven) return null
  const store = values['events.store'] ?? beside(values['checkpoint.store']!, values.name!)
  return {
    store,
    index: indexOf(options, store),
    environments: values['events.environments']!,
    testEnvironments: new Set(values['events.testEnvironments']!),
    retentionMs: values['events.retention']!,
    limits: {
      eventBytes: values['events.limits.event']!,
      requestBytes: values['events.limits.request']!,
      depth: values['events.limits.depth']!,
      batch: values['events.limits.batch']!,
      ratePerSecond: values['events.limits.rate'] ?? null,
      hops: values['events.limits.hops']!,
    },
  }
}

/** A file beside the state where nothing else is said; a setting that nothing reads is an error. */
function indexOf({ values, contents, problems }: BuildOptions, store: string): string | null {
  const index = values['events.index']
  if (needsIndex(store)) {
    const usual = beside(values['checkpoint.store']!, values.name!)
    return index ?? (usual === 'memory:' ? `file:/var/lib/bingo/${values.name!}.events` : usual)
  }
  if (index === undefined) return null
  problems.push({
    code: 'BINGO_CONFIG_EVENTS_INDEX',
    severity: 'error',
    location: contents.values.get('events.index')?.location,
    message: 'events.index: the store of events needs no index beside it',
    hint: 'Remove events.index, or set events.store to nats://…',
  })
  return null
}

/** A file beside the state; where that is no file, at the usual place. */
function beside(checkpointStore: string, name: string): string {
  const place = parseStoreUrl(checkpointStore)
  if (place?.tag === 'memory') return 'memory:'
  const folder = place?.tag !== 'file' ? '/var/lib/bingo' : place.isFolder ? place.path : dirname(place.path)
  return `file:${join(folder, `${name}.events`)}`
}

/** With the environment that holds for each. */
export function tokensOf(options: BuildOptions, events: EventsConfig | null): readonly HttpToken[] {
  const environments = events?.environments ?? ['default']
  const all = [...environments, ...(events?.testEnvironments ?? [])]
  return options.values['http.tokens']!.map(({ environment = environments[0]!, ...rest }) => {
    if (!all.includes(environment)) {
      options.problems.push({
        code: 'BINGO_CONFIG_ENVIRONMENT',
        severity: 'error',
        location: options.contents.values.get('http.tokens')?.location,
        message: `http.tokens: ${rest.name}: there is no environment "${environment}"`,
        hint: `Add it to events.environments, or write one of: ${all.join(', ')}.`,
      })
    }
    return { ...rest, environment }
  })
}

/** Null where nobody names one. */
export function eventStoreOf(options: BuildOptions): EventStoreConfig | null {
  const { values, given, contents, problems } = options
  const [url, follow, read] = [values['eventStore.url'], values['eventStore.follow']!, values['eventStore.read']!]
  if (url !== undefined) return { url, follow, read }
  if (follow !== 'off' && !given.has('eventStore.url')) {
    problems.push({
      code: 'BINGO_CONFIG_MISSING',
      severity: 'error',
      location: contents.values.get('eventStore.follow')?.location,
      message: 'eventStore.url is missing: no event store to follow',
      hint: 'Set eventStore.url, such as file:/var/lib/app/events.db (BINGO_EVENT_STORE_URL).',
    })
  }
  return null
}

/** Only MySQL and MariaDB have a binlog, and a server has to be read. */
export function checkBinlogOf(store: EventStoreConfig | null, isServerRead: boolean, options: BuildOptions): void {
  if (store === null || store.read === 'sql') return
  const report = (message: string, hint: string): void => {
    const location = options.contents.values.get('eventStore.read')?.location
    options.problems.push({ code: 'BINGO_CONFIG_VALUE', severity: 'error', location, message, hint })
  }
  if (!/^(mysql|mariadb):/i.test(store.url)) {
    report('eventStore.read: only a MySQL or MariaDB server has a binlog', 'Remove it: other databases need none.')
  } else if (!isServerRead) {
    report('eventStore.read: there is no source whose binlog is read', 'Set source.url to the server, or read: sql.')
  } else if (store.follow === 'off') {
    report('eventStore.read: nothing is read', 'Set eventStore.follow to earliest or latest.')
  }
}

const SOURCES: readonly (readonly [name: string, isCalledSo: string])[] = [
  [EVENTS_SOURCE, 'posted events are'],
  [STREAMS_SOURCE, 'the streams of the event store are'],
]

/** What is no server, and read all the same, has a name that no server may have. */
export function reserveNames(
  { sources: entries, problems }: BuildOptions,
  sources: readonly NamedSourceConfig[],
  used: readonly string[],
): void {
  for (const [name, isCalledSo] of SOURCES) {
    if (!used.includes(name) || !sources.some((source) => source.name === name)) continue
    problems.push({
      code: 'BINGO_CONFIG_SOURCES',
      severity: 'error',
      location: entries?.find((entry) => entry.name === name)?.location,
      message: `a source cannot be called "${name}": ${isCalledSo}`,
      hint: 'Give it another name.',
    })
  }
}
