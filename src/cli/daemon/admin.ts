import { withDeadline } from '../../model/with-deadline.ts'
import type { Config } from '../../app/config/config.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { Stats } from '../../model/stats.ts'
import type { Daemon } from '../../app/daemon/daemon-contract.ts'
import { assess } from '../../ops/health.ts'
import { HttpServer, type HttpPages } from '../../ops/http-server.ts'
import { Tokens } from '../../ops/tokens.ts'
import { Progress } from '../../ops/progress.ts'
import { describeStatus } from '../../ops/status.ts'
import { redactUrls } from '../../ops/redact.ts'
import { printAddress } from '../../sources/mysql/source-address.ts'
import { polledSourceNames } from '../../app/outbox/polled-outboxes.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE } from '../../app/config/sources.ts'
import { version } from '../version.ts'

/** Scrapers wait for about ten seconds, people for less. */
const COUNT_TIMEOUT_MS = 1_000

export interface AdminDeps {
  readonly config: Config
  readonly daemon: Daemon
  readonly stats: Stats
  readonly log: Log
  readonly clock: Clock
}

/** Slow is not stalled: a target may be limited to an action a minute. */
const SHORTEST_STALL_MS = 120_000

/** Opens the admin server of a daemon, where the configuration wants one. */
export async function openAdmin({ config, daemon, stats, log, clock }: AdminDeps): Promise<AsyncDisposable> {
  const progress = new Progress(stats, clock)
  const sampling = progress.start()
  const { listen, token, tokens } = config.http
  if (listen === null) return closing(sampling)
  const stallMs = Math.max(SHORTEST_STALL_MS, 3 * config.delivery.timeoutMs)
  const heartbeats = new Map(config.sources.map(({ name, heartbeatMs }) => [name, heartbeatMs]))
  const settings = { heartbeatMs: config.source.heartbeatMs, heartbeats, stallMs }
  const deadLetters = async () => {
    const count = await countInTime(daemon)
    if (count === 0) progress.delivery.lettersGone()
    return count
  }
  const health = () => {
    // What was retried or dropped meanwhile is no news at the next look.
    if (progress.delivery.freshLetters() > 0) void deadLetters()
    return assess(stats, progress, settings, clock.now())
  }
  const running = version()
  const allowed = new Tokens({ token, tokens, environment: config.events?.environments[0] })
  const http = await HttpServer.open(
    { ...listen, tokens: allowed },
    {
      health,
      // Loaded with the first scrape: a start need not wait for it.
      metrics: lazily(async () => {
        const { createMetrics } = await import('../../ops/metrics/metrics.ts')
        const now = () => clock.now()
        const registry = createMetrics({ stats, progress, health, deadLetters, version: running, now })
        return () => registry.metrics()
      }),
      dropTarget: (target) => daemon.dropTarget(target),
      setTargetPaused: (target, isPaused, by) => daemon.setTargetPaused(target, isPaused, by),
      resumeRule: (rule) => daemon.resumeRule(rule),
      api: lazyApi({ config, daemon, stats, log, clock, tokens: allowed }),
      status: () =>
        describeStatus({
          name: config.name,
          version: running,
          stats,
          progress,
          health,
          sources: sourcesOf(config, stats),
          checkpointStore: redactUrls(config.checkpoint.store),
          position: (source) => daemon.position(source),
          gaps: (source) => daemon.gaps(source),
          deadLetterStore: redactUrls(config.deadLetters.store ?? 'beside the checkpoint'),
          deadLetters,
        }),
    },
  )
  log.info({ address: `http://${listen.host}:${http.port}` }, 'admin server listening')
  return closing(sampling, http)
}

/** Undefined when the store cannot say: metrics and status must not fail, or hang, together with it. */
function countInTime(daemon: Daemon): Promise<number | undefined> {
  return withDeadline(daemon.deadLetterCount(), COUNT_TIMEOUT_MS).catch(() => undefined)
}

function lazily(make: () => Promise<() => Promise<string>>): () => Promise<string> {
  let made: Promise<() => Promise<string>> | undefined
  return async () => (await (made ??= make()))()
}

function closing(sampling: Disposable, http?: AsyncDisposable): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      sampling[Symbol.dispose]()
      await http?.[Symbol.asyncDispose]()
    },
  }
}

/** Posted events, and those of the event store, are sources like servers. */
function sourcesOf(
  { sources, events, eventStore, outboxes, brokers, scale }: Config,
  stats: Stats,
): { readonly name: string; readonly address: string }[] {
  // A worker reads shares, which come and go.
  if (scale?.role === 'worker') {
    const names = stats.sources.size === 0 ? ['changes'] : [...stats.sources.keys()]
    return names.map((name) => ({ name, address: redactUrls(scale.through) }))
  }
  const all = sources.map((source) => ({ name: source.name, address: printAddress(source) }))
  if (events !== null) all.push({ name: EVENTS_SOURCE, address: redactUrls(events.store) })
  if (eventStore !== null && eventStore.follow !== 'off') {
    all.push({ name: STREAMS_SOURCE, address: redactUrls(eventStore.url) })
  }
  for (const name of polledSourceNames(outboxes)) all.push({ name, address: '' })
  for (const { name, url } of brokers) all.push({ name, address: redactUrls(url) })
  return all
}

/** The API is loaded with its first request: who never asks does not pay for it. */
function lazyApi({ config, daemon, stats, log, clock, tokens }: ApiParts): NonNullable<HttpPages['api']> {
  let loading: ReturnType<typeof load> | undefined
  let listener: Awaited<ReturnType<typeof load>> | undefined
  const load = async () => {
    const { apiListener } = await import('../../ops/api/app.ts')
    const { environments = [], testEnvironments = new Set<string>(), limits = NO_EVENTS } = config.events ?? {}
    return apiListener({
      tokens,
      takesEvents: config.events !== null,
      events: () => daemon.events(),
      rules: () => daemon.rules(),
      sagas: () => daemon.sagas(),
      reader: config.scale?.role === 'worker' ? () => readerOf(stats) : undefined,
      environments,
      testEnvironments,
      limits,
      version: version(),
      clock,
      log,
    })
  }
  return async (request, response) => {
    listener ??= await (loading ??= load())
    return listener(request, response)
  }
}

/** Null: none leads, as far as this process has heard. */
function readerOf({ scale }: Stats): string | null {
  const found = scale?.members().find(({ role, leads }) => role === 'reader' && leads)
  return found === undefined ? null : `${found.host} (process ${found.pid})`
}

interface ApiParts extends Pick<AdminDeps, 'config' | 'daemon' | 'stats' | 'log' | 'clock'> {
  readonly tokens: Tokens
}

/** Where no events are taken in, requests have no bodies of note. */
const NO_EVENTS = { eventBytes: 0, requestBytes: 65_536, depth: 8, batch: 0, ratePerSecond: null, hops: 0 } as const
