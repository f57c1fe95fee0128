import { redisReadError } from '../../sources/broker/redis/errors.ts'
import { findStreams } from '../../sources/broker/redis/find-streams.ts'
import { topicMatcher } from '../../sources/broker/topic-pattern.ts'
import { openAdmin } from '../../clients/kafka/kafka.ts'
import { kafkaConnection } from '../../clients/kafka/connection.ts'
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

export interface InspectBrokerOptions {
  readonly env: Environment
  readonly baseDir: string
  /** Name of the instance: its group, where the source names none. */
  readonly instance: string
}

/** Asks a broker whether it lets us in, and has what the source reads; changes nothing. */
export async function inspectBroker(
  broker: BrokerConfig,
  { env, baseDir, instance }: InspectBrokerOptions,
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
    const missing = await withDeadline(missingOf(address, broker, instance), TIMEOUT_MS)
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

/** Topics, subjects, streams and patterns of which nothing is there. */
async function missingOf(address: BrokerAddress, broker: BrokerConfig, instance: string): Promise<readonly string[]> {
  switch (address.type) {
    case 'kafka':
      return missingTopics(address, broker)
    case 'nats':
      return missingSubjects(address, broker, instance)
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

async function missingSubjects(
  { login, printable }: Of<'nats'>,
  { stream, topics, group }: BrokerConfig,
  instance: string,
): Promise<readonly string[]> {
  const { lookAtStream } = await import('../../sources/broker/nats/look-at-stream.ts')
  const description = `${printable}/${stream}`
  return lookAtStream({ login, description, stream, topics, group: group ?? instance })
}

async function missingStreams({ redis, printable }: Of<'redis'>, { topics }: BrokerConfig): Promise<readonly string[]> {
  const connection = new RedisConnection(redis, { log: silentLog, name: 'check' })
  try {
    await connection.whenReady(5_000)
    const missing: string[] = []
    for (const topic of topics) {
      if ((await findStreams(connection.client, [topic])).length === 0) missing.push(topic)
    }
    return missing
  } catch (error) {
    throw redisReadError(printable, error)
  } finally {
    await connection.close()
  }
}
