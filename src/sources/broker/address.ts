import { AddressError } from '../../clients/address/error.ts'
import { parseEngineAddress } from '../../clients/address/engine.ts'
import { kafkaLogin, type KafkaLogin } from '../../clients/kafka/login.ts'
import { natsLogin, type NatsLogin } from '../../clients/nats/login.ts'
import { parseRedisUrl, type RedisAddress } from '../../clients/redis/redis-url.ts'
import { BingoError } from '../../model/errors.ts'

export const BROKER_TYPES = ['kafka', 'nats', 'redis'] as const
export type BrokerType = (typeof BROKER_TYPES)[number]

/** Where a broker is, and who logs in. */
export type BrokerAddress =
  | { readonly type: 'kafka'; readonly login: KafkaLogin; readonly printable: string }
  | { readonly type: 'nats'; readonly login: NatsLogin; readonly printable: string }
  | { readonly type: 'redis'; readonly redis: RedisAddress; readonly printable: string }

export const BROKER_URLS: { readonly [type in BrokerType]: string } = {
  kafka: 'kafka://user:password@host:9092',
  nats: 'nats://user:password@host:4222',
  redis: 'redis://user:password@host:6379/0',
}

const [KAFKA_PORT, NATS_PORT] = [9092, 4222]
const SCHEMES: { readonly [type in BrokerType]: RegExp } = {
  kafka: /^kafka:\/\//i,
  nats: /^(nats|tls):\/\//i,
  redis: /^(rediss?(\+\w+)?|sentinel):\/\//i,
}

/** Throws AddressError, never quoting the text, which may hold a password. */
export function parseBrokerAddress(type: BrokerType, text: string): BrokerAddress {
  const example = BROKER_URLS[type]
  if (!SCHEMES[type].test(text)) throw new AddressError(`it is not the address of ${NAMES[type]}`, `Write ${example}.`)
  switch (type) {
    case 'kafka':
      return kafkaAddress(text, example)
    case 'nats':
      return natsAddress(text, example)
    case 'redis':
      return redisAddress(text)
  }
}

const NAMES: { readonly [type in BrokerType]: string } = { kafka: 'Kafka', nats: 'NATS', redis: 'Redis' }

function kafkaAddress(text: string, example: string): BrokerAddress {
  const address = parseEngineAddress(text, KAFKA_PORT, example)
  refuseName(address.name, 'topics', example)
  return { type: 'kafka', login: kafkaLogin(address, [], example), printable: address.printable }
}

function natsAddress(text: string, example: string): BrokerAddress {
  const address = parseEngineAddress(text, NATS_PORT, example)
  refuseName(address.name, 'stream', example)
  return { type: 'nats', login: natsLogin(address), printable: address.printable }
}

function redisAddress(text: string): BrokerAddress {
  try {
    const redis = parseRedisUrl(text)
    return { type: 'redis', redis, printable: redis.printable }
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    throw new AddressError(error.message.replace(/^The Redis address is not valid: /, ''), error.hint ?? '')
  }
}

function refuseName(name: string, key: string, example: string): void {
  if (name !== '')
    throw new AddressError('a name stands behind the host', `Write ${example}, and the name under ${key}.`)
}
