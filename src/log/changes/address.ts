import { AddressError } from '../../clients/address/error.ts'
import { BingoError } from '../../model/errors.ts'
import { parseKafkaAddress, type KafkaAddress } from '../kafka/address.ts'
import { parseNatsAddress, type NatsAddress } from '../nats/address.ts'
import { parseEventRedisAddress, type EventRedisAddress } from '../redis/address.ts'
import { StoreAddressError } from '../store-address-error.ts'

/** Where changes go from a reader to workers. */
export type ChangeLogAddress =
  | { readonly tag: 'redis'; readonly redis: EventRedisAddress }
  | { readonly tag: 'nats'; readonly stream: NatsAddress }
  | { readonly tag: 'kafka'; readonly topic: KafkaAddress }

const HINT = 'Write kafka://host:9092/bingo-changes, nats://host:4222/bingo-changes or redis://host:6379/1.'
const UNNAMED = 'bingo-changes'
const PREFIX = 'changes'

/** Throws BINGO_SCALE_THROUGH_INVALID. */
export function parseChangeLogAddress(url: string): ChangeLogAddress {
  try {
    if (/^(rediss?(\+\w+)?|sentinel):/i.test(url)) return { tag: 'redis', redis: parseEventRedisAddress(url, PREFIX) }
    if (/^(nats|tls):\/\//i.test(url)) return { tag: 'nats', stream: parseNatsAddress(url, UNNAMED) }
    if (/^kafka:\/\//i.test(url)) return { tag: 'kafka', topic: parseKafkaAddress(url, UNNAMED) }
  } catch (error) {
    if (error instanceof StoreAddressError) throw invalid(error.why, error.hint)
    if (error instanceof AddressError) throw invalid(error.message, error.hint)
    throw error
  }
  throw invalid(whyNot(url), HINT)
}

function whyNot(url: string): string {
  const scheme = /^(\w+):/.exec(url)?.[1]?.toLowerCase() ?? ''
  if (scheme === 'file') return 'a file is on one machine, and workers are on others'
  if (scheme === 'memory') return 'the memory of one process cannot be read by others'
  if (/^(mysql|mariadb|postgres|postgresql)$/.test(scheme)) return 'a SQL server cannot be what changes go through'
  return 'its scheme is not known'
}

function invalid(why: string, hint: string | undefined): BingoError {
  return new BingoError('BINGO_SCALE_THROUGH_INVALID', `scale.through cannot be used: ${why}`, { hint: hint ?? HINT })
}
