import type { Clock } from '../../model/clock.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Environment } from '../../model/secrets.ts'
import type { BrokerAddress } from '../../sources/broker/address.ts'
import { BrokerSource } from '../../sources/broker/broker-source.ts'
import { RecordCodec } from '../../sources/broker/codec/record-codec.ts'
import type { BrokerReader } from '../../sources/broker/contract.ts'
import { PartLedger } from '../../sources/broker/ledger.ts'
import type { BrokerStart } from '../../sources/broker/start.ts'
import type { BrokerConfig } from '../config/brokers/contract.ts'
import { brokerAddress } from './open-brokers.ts'
import { codecOptions } from './record-rule.ts'

export interface OpenTailDeps {
  readonly env: Environment
  readonly baseDir: string
  readonly clock: Clock
  readonly log: Log
}

/** A source that reads a broker from `start` on, beside whoever else does, and leaves no trace there. */
export async function openTail(
  broker: BrokerConfig,
  start: BrokerStart,
  deps: OpenTailDeps,
): Promise<{ readonly source: BrokerSource; close(): Promise<void> }> {
  const { clock, log, env, baseDir } = deps
  const reader = await openReader(brokerAddress(broker, env, baseDir), broker, { start, clock, log })
  const codec = new RecordCodec(codecOptions(broker))
  const source = new BrokerSource({ name: broker.name, reader, ledger: new PartLedger(), codec, clock, log })
  return { source, close: () => reader.close() }
}

interface Deps extends Pick<OpenTailDeps, 'clock' | 'log'> {
  readonly start: BrokerStart
}

async function openReader(address: BrokerAddress, broker: BrokerConfig, deps: Deps): Promise<BrokerReader> {
  const { topics, stream, format, field } = broker
  const common = { ...deps, topics, description: address.printable }
  switch (address.type) {
    case 'kafka': {
      const { KafkaTailReader } = await import('../../sources/broker/kafka/tail-reader.ts')
      const { kafkaConnection } = await import('../../clients/kafka/connection.ts')
      return new KafkaTailReader({ ...common, connection: kafkaConnection(address.login) })
    }
    case 'redis': {
      const { RedisTailReader } = await import('../../sources/broker/redis/tail-reader.ts')
      return new RedisTailReader({ ...common, address: address.redis, format, field })
    }
    case 'nats': {
      const { NatsTailReader } = await import('../../sources/broker/nats/tail-reader.ts')
      const description = `${address.printable}/${stream}`
      return new NatsTailReader({ ...common, description, login: address.login, stream })
    }
  }
}
