import type { KafkaAddress } from '../kafka/address.ts'
import type { NatsAddress } from '../nats/address.ts'
import { parseChangeLogAddress } from './address.ts'
import { named } from './open.ts'

/** Whether somebody has made it; opening it would. Rejects with BingoErrors. The client of one engine is loaded. */
export async function changeLogExists(url: string): Promise<boolean> {
  const address = parseChangeLogAddress(url)
  switch (address.tag) {
    case 'redis':
      // Its first entry makes it.
      return true
    case 'nats':
      return named(streamExists(address.stream))
    case 'kafka':
      return named(topicExists(address.topic))
  }
}

async function streamExists(address: NatsAddress): Promise<boolean> {
  const [{ hasStream }, { natsError }] = await Promise.all([
    import('../nats/connection.ts'),
    import('../nats/kept-stream.ts'),
  ])
  return hasStream(address).catch((error: unknown) => {
    throw natsError(address.printable, error)
  })
}

async function topicExists(address: KafkaAddress): Promise<boolean> {
  const [{ openAdmin }, { kafkaConnection }, { kafkaError }] = await Promise.all([
    import('../../clients/kafka/kafka.ts'),
    import('../../clients/kafka/connection.ts'),
    import('../kafka/errors.ts'),
  ])
  const admin = openAdmin(kafkaConnection(address))
  try {
    return (await admin.listTopics()).includes(address.topic)
  } catch (error) {
    throw kafkaError(address.printable, error)
  } finally {
    await admin.close()
  }
}
