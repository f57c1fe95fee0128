import { hostname } from 'node:os'
import { AddressError } from '../../clients/address/error.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Log } from '../../model/rule/action.ts'
import { MissingSecret, resolveSecrets, type Environment } from '../../model/secrets.ts'
import { parseBrokerAddress, type BrokerAddress } from '../../sources/broker/address.ts'
import { BrokerSource } from '../../sources/broker/broker-source.ts'
import { RecordCodec } from '../../sources/broker/codec/record-codec.ts'
import type { BrokerReader } from '../../sources/broker/contract.ts'
import { PartLedger } from '../../sources/broker/ledger.ts'
import type { BrokerConfig } from '../config/brokers/contract.ts'
import type { Config } from '../config/config.ts'
import type { NamedSource } from '../open-sources.ts'
import { codecOptions } from './record-rule.ts'

/** The brokers of a running instance that are sources. */
export interface OpenBrokers {
  readonly sources: readonly NamedSource[]
  /** Acknowledges what is finished, and leaves the groups. */
  close(): Promise<void>
}

export interface OpenBrokersDeps {
  readonly clock: Clock
  readonly log: Log
  readonly env: Environment
}

/** Nothing is asked yet. Rejects with BINGO_CONFIG_SECRET or BINGO_CONFIG_BROKER for an address that cannot be read. */
export async function openBrokers(config: Config, { clock, log, env }: OpenBrokersDeps): Promise<OpenBrokers | null> {
  const { brokers, name: instance, rules, events } = config
  if (brokers.length === 0) return null
  const opened: { readonly source: BrokerSource; readonly reader: BrokerReader }[] = []
  for (const broker of brokers) {
    const { name } = broker
    const ledger = new PartLedger()
    const of = log.child({ source: name })
    const address = brokerAddress(broker, env, rules.baseDir)
    const reader = await openReader(address, broker, { instance, ledger, clock, log: of })
    const codec = new RecordCodec(codecOptions(broker, events?.limits.hops))
    opened.push({ reader, source: new BrokerSource({ name, reader, ledger, codec, clock, log: of }) })
  }
  return {
    sources: opened.map(({ source }) => ({ name: source.name, custom: source })),
    close: async () => {
      for (const { reader } of opened) await reader.close()
    },
  }
}

interface ReaderDeps {
  readonly instance: string
  readonly ledger: PartLedger
  readonly clock: Clock
  readonly log: Log
}

/** Clients of brokers that are not read are not loaded. */
async function openReader(address: BrokerAddress, broker: BrokerConfig, deps: ReaderDeps): Promise<BrokerReader> {
  const { topics, start, onGap } = broker
  const group = broker.group ?? deps.instance
  const instanceId = `${deps.instance}@${hostname()}`
  const common = { ...deps, description: address.printable, topics, group, instanceId, start, onGap }
  switch (address.type) {
    case 'kafka': {
      const { KafkaReader } = await import('../../sources/broker/kafka/reader.ts')
      const { kafkaConnection } = await import('../../clients/kafka/connection.ts')
      return new KafkaReader({ ...common, connection: kafkaConnection(address.login) })
    }
    case 'redis': {
      const { RedisReader } = await import('../../sources/broker/redis/reader.ts')
      return new RedisReader({ ...common, address: address.redis, format: broker.format, field: broker.field })
    }
    case 'nats': {
      const { NatsReader } = await import('../../sources/broker/nats/reader.ts')
      const description = `${address.printable}/${broker.stream}`
      return new NatsReader({ ...common, description, login: address.login, stream: broker.stream })
    }
  }
}

/** Throws BINGO_CONFIG_SECRET or BINGO_CONFIG_BROKER. */
export function brokerAddress({ name, type, url }: BrokerConfig, env: Environment, baseDir: string): BrokerAddress {
  try {
    return parseBrokerAddress(type, resolveSecrets(url, { env, baseDir, url: true }))
  } catch (error) {
    if (error instanceof MissingSecret) {
      throw new BingoError('BINGO_CONFIG_SECRET', `source ${name}: url: ${error.message}`, { hint: error.hint })
    }
    if (!(error instanceof AddressError)) throw error
    throw new BingoError('BINGO_CONFIG_BROKER', `source ${name}: its url is not valid: ${error.message}`, {
      hint: error.hint,
      cause: error,
    })
  }
}
