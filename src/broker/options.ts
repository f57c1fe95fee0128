import type { PipelineOptions } from '../app/library/contract.ts'
import { parseStoreAddress, type StoreAddress } from '../log/store-address.ts'
import { systemClock, type Clock } from '../model/clock.ts'
import type { Log } from '../model/rule/action.ts'
import type { OnFailure, RetryOptions } from '../model/rule/rule.ts'
import { parseDuration } from '../model/quantity.ts'
import { silentLog } from '../model/silent-log.ts'
import type { BrokerOptions, Duration } from './contract.ts'
import { wrongOption } from './errors.ts'

/** The options of a broker, checked and complete. */
export interface BrokerSettings {
  readonly name: string
  readonly store: string
  readonly isInMemory: boolean
  readonly isOnServer: boolean
  readonly state: string
  readonly mode: 'sync' | 'async'
  readonly workers: number
  readonly buffer: number
  readonly retry: RetryOptions
  readonly onFailure: OnFailure
  /** Infinity: handlers may take as long as they like. */
  readonly timeoutMs: number
  readonly shutdownMs: number
  readonly log: Log
  readonly clock: Clock
}

const DEFAULTS = {
  name: 'broker',
  store: 'memory:',
  mode: 'async',
  workers: 10,
  buffer: 10_000,
  attempts: 3,
  min: '1s',
  max: '30s',
  onFailure: 'skip',
  shutdown: '10s',
} as const
const MOST_WORKERS = 1_024
const MOST_BUFFER = 1_000_000
const LANES = 256
const HOUR_MS = 3_600_000

/** Throws BINGO_BROKER_OPTION, or the error of a store address. */
export function settingsOf(options: BrokerOptions): BrokerSettings {
  const { name = DEFAULTS.name, store = DEFAULTS.store, retry = {}, log = silentLog, clock = systemClock } = options
  const address = parseStoreAddress(store)
  const minMs = duration('retry.min', retry.min ?? DEFAULTS.min, 1)
  return {
    name,
    store,
    isInMemory: address.tag === 'memory',
    isOnServer: address.tag === 'server',
    state: options.state ?? stateBeside(store, address),
    mode: oneOf('mode', options.mode ?? DEFAULTS.mode, ['sync', 'async']),
    workers: count('workers', options.workers ?? DEFAULTS.workers, MOST_WORKERS),
    buffer: count('buffer', options.buffer ?? DEFAULTS.buffer, MOST_BUFFER),
    retry: {
      attempts: count('retry.attempts', retry.attempts ?? DEFAULTS.attempts, Number.MAX_SAFE_INTEGER),
      maxAgeMs: Infinity,
      minMs,
      maxMs: Math.max(minMs, duration('retry.max', retry.max ?? DEFAULTS.max, 1)),
    },
    onFailure: oneOf('onFailure', options.onFailure ?? DEFAULTS.onFailure, ['skip', 'park']),
    timeoutMs: options.timeout === undefined ? Infinity : duration('timeout', options.timeout, 1),
    shutdownMs: Math.min(duration('shutdown', options.shutdown ?? DEFAULTS.shutdown, 0), HOUR_MS),
    log,
    clock,
  }
}

/** As those of a pipeline whose rules are the subscriptions. */
export function pipelineOptions(settings: BrokerSettings): PipelineOptions {
  const { name, state, store, workers, shutdownMs } = settings
  return {
    name,
    state,
    events: { store },
    rules: { rules: [], files: [] },
    settings: {
      lanes: Math.min(1_024, Math.max(LANES, workers)),
      shutdown: { deadline: `${Math.round(shutdownMs)}ms` },
    },
  }
}

function stateBeside(store: string, address: StoreAddress): string {
  if (address.tag === 'memory') return 'memory:'
  if (address.tag === 'file') return address.isFolder ? store : `${store}.state`
  throw wrongOption(
    'state',
    'it is missing',
    "Say where dead letters are kept, as in state: 'file:/var/lib/app/broker'.",
  )
}

function duration(option: string, value: Duration, least: number): number {
  const ms = typeof value === 'number' ? value : parseDuration(value)
  if (ms !== undefined && Number.isFinite(ms) && ms >= least) return ms
  throw wrongOption(
    option,
    `${JSON.stringify(value)} is not a duration`,
    "Write milliseconds, or '250ms', '10s', '5m'.",
  )
}

function count(option: string, value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw wrongOption(option, `${value} is not a whole number from 1 to ${most}`, 'Write such a number.')
}

function oneOf<T extends string>(option: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value
  throw wrongOption(option, `"${value}" is not known`, `Write ${known.join(' or ')}.`)
}
