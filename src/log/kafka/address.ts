import { parseEngineAddress } from '../engine-address.ts'
import { StoreAddressError } from '../store-address-error.ts'
import { addressTls } from '../../clients/address-tls.ts'
import type { AddressTls } from '../../clients/address-tls.ts'

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** Where a topic is, from `kafka://user:password@host:9092/topic?partitions=4&replicas=3`. */
export interface KafkaAddress {
  readonly brokers: readonly string[]
  readonly sasl: {
    readonly mechanism: (typeof MECHANISMS)[number]
    readonly username: string
    readonly password: string
  } | null
  readonly topic: string
  /** Of a topic that is made; -1: the brokers' default. */
  readonly partitions: number
  readonly replicas: number
  /** The topic has `flush.messages=1`: a record is on disk when it is acknowledged. */
  readonly syncsAlways: boolean
  readonly tls: AddressTls | null
  readonly printable: string
}

const EXAMPLE = 'kafka://user:password@host:9092/bingo-events'
const TOPIC = 'bingo-events'
const OPTIONS = ['sync', 'partitions', 'replicas', 'sasl'] as const

/** Throws StoreAddressError. `unnamed`: the topic of an address that names none. */
export function parseKafkaAddress(text: string, unnamed = TOPIC): KafkaAddress {
  const { user, password, hosts, name, options, printable } = parseEngineAddress(text, 9092, EXAMPLE)
  const topic = name || unnamed
  if (!/^[\w.-]{1,249}$/.test(topic) || topic === '.' || topic === '..') {
    const hint = 'Write at most 249 letters, digits, ".", "_" and "-" behind the host.'
    throw new StoreAddressError(`"${topic}" is not a valid name of a topic`, hint)
  }
  const sync = options.get('sync') ?? 'interval'
  if (sync !== 'always' && sync !== 'interval') {
    throw new StoreAddressError(`?sync=${sync} is not valid`, 'Write one of: always, interval.')
  }
  return {
    brokers: hosts,
    sasl: saslOf(user, password, options.get('sasl')),
    topic,
    partitions: countOf(options, 'partitions', 1_000),
    replicas: countOf(options, 'replicas', 20),
    syncsAlways: sync === 'always',
    tls: addressTls(options, OPTIONS),
    printable: `${printable}/${topic}`,
  }
}

function saslOf(username: string, password: string, written: string | null): KafkaAddress['sasl'] {
  const mechanism = MECHANISMS.find((each) => each === (written ?? 'PLAIN').toUpperCase())
  if (mechanism === undefined) {
    throw new StoreAddressError(`?sasl=${written} is not a mechanism`, `Write one of: ${MECHANISMS.join(', ')}.`)
  }
  if (username !== '') return { mechanism, username, password }
  if (written !== null) throw new StoreAddressError('?sasl needs user and password', `Write ${EXAMPLE}.`)
  return null
}

function countOf(options: URLSearchParams, name: (typeof OPTIONS)[number], most: number): number {
  const value = options.get(name)
  if (value === null) return -1
  const count = Number(value)
  if (!/^\d+$/.test(value) || count < 1 || count > most) {
    throw new StoreAddressError(`?${name}=${value} is not valid`, `Write a number from 1 to ${most}.`)
  }
  return count
}
