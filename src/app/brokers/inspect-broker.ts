import { isPattern, topicMatcher } from '../../sources/broker/topic-pattern.ts'
import { openAdmin } from '../../clients/kafka.ts'
import { kafkaConnection } from '../../clients/kafka-connection.ts'
import { RedisConnection } from '../../clients/redis/redis.ts'
import { BingoError, type Problem } from '../../model/errors.ts'
import { silentLog } from '../../model/silent-log.ts'
import type { Environment } from '../../model/secrets.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import type { BrokerAddress } from '../../sources/broker/address.ts'
import { brokerUnreachable, CHECK_BROKER } from '../../sources/broker/errors.ts'
import { kafkaReadError } from '../../sources/broker/kafka/errors.ts'
import type { BrokerConfig } from '../config/brokers/contract.ts'
import { brokerAddress } from './open-brokers.ts'

const TIMEOUT_MS = 15_000

/** Asks a broker whether it lets us in, and has what the source reads; changes nothing. */
export async function inspectBroker(
  broker: BrokerConfig,
  env: Environment,
  baseDir: string,
): Promise<readonly Problem[]> {
  const { name, location } = broker
  const problem = (severity: Problem['severity'], code: string, message: string, hint?: string): Problem => ({
    severity,
    code,
    message: `source ${name}: ${message}`,
    hint,
    location,
  })
  try {
    const address = brokerAddress(broker, env, baseDir)
    const missing = await withDeadline(missingOf(address, broker), TIMEOUT_MS)
    if (missing.length === 0) return []
    const hint = 'Create it, or correct its name; the account may also lack the right to see it.'
    return [
      problem('warning', 'BINGO_BROKER_NOTHING', `the broker has nothing that matches ${missing.join(', ')}`, hint),
    ]
  } catch (error) {
    const told = error instanceof BingoError ? error : brokerUnreachable(name, (error as Error).message, CHECK_BROKER)
    return [problem('error', told.code, told.message, told.hint)]
  }
}

/** Topics, streams and patterns of which nothing is there. */
async function missingOf(address: BrokerAddress, broker: BrokerConfig): Promise<readonly string[]> {
  switch (address.type) {
    case 'kafka':
      return missingTopics(address, broker)
    case 'nats':
      return missingStream(address, broker)
    case 'redis':
      return missingStreams(address, broker)
  }
}

type Of<T extends BrokerAddress['type']> = Extract<BrokerAddress, { readonly type: T }>

async function missingTopics({ login, printable }: Of<'kafka'>, { topics }: BrokerConfig): Promise<readonly string[]> {
  const admin = openAdmin(kafkaConnection(login))
  try {
    const found = await admin.listTopics()
    return topics.filter((topic) => !found.some(topicMatcher([topic])))
  } catch (error) {
    throw kafkaReadError(printable, error)
  } finally {
    await withDeadline(admin.close(), 1_000).catch(() => undefined)
  }
}

async function missingStream({ login }: Of<'nats'>, { stream, topics }: BrokerConfig): Promise<readonly string[]> {
  const { hasStream } = await import('../../sources/broker/nats/connection.ts')
  return (await hasStream({ login, stream, topics })) ? [] : [stream]
}

async function missingStreams({ redis }: Of<'redis'>, { topics }: BrokerConfig): Promise<readonly string[]> {
  const connection = new RedisConnection(redis, { log: silentLog, name: 'check' })
  try {
    await connection.whenReady(5_000)
    const missing: string[] = []
    for (const topic of topics) {
      if (!isPattern(topic) && (await connection.client.type(topic)) !== 'stream') missing.push(topic)
    }
    return missing
  } finally {
    await connection.close()
  }
}
