import { parseEngineAddress } from '../../clients/address/engine.ts'
import { StoreAddressError } from '../store-address-error.ts'
import { kafkaLogin, type KafkaLogin } from '../../clients/kafka/login.ts'

/** Where a topic is, from `kafka://user:password@host:9092/topic?partitions=4&replicas=3`. */
export interface KafkaAddress extends KafkaLogin {
  readonly topic: string
  /** Of a topic that is made; -1: the brokers' default. */
  readonly partitions: number
  readonly replicas: number
  /** The topic has `flush.messages=1`: a record is on disk when it is acknowledged. */
  readonly syncsAlways: boolean
  readonly printable: string
}

const EXAMPLE = 'kafka://user:password@host:9092/bingo-events'
const TOPIC = 'bingo-events'
const OPTIONS = ['sync', 'partitions', 'replicas'] as const

/** Throws StoreAddressError. `unnamed`: the topic of an address that names none. */
export function parseKafkaAddress(text: string, unnamed = TOPIC): KafkaAddress {
  const address = parseEngineAddress(text, 9092, EXAMPLE)
  const { name, options, printable } = address
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
    ...kafkaLogin(address, OPTIONS, EXAMPLE),
    topic,
    partitions: countOf(options, 'partitions', 1_000),
    replicas: countOf(options, 'replicas', 20),
    syncsAlways: sync === 'always',
    printable: `${printable}/${topic}`,
  }
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
