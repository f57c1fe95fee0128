import { openAdmin } from '../../clients/kafka.ts'
import { kafkaConnection } from '../../clients/kafka-connection.ts'
import { kafkaError } from '../kafka/errors.ts'
import { hasStream } from '../nats/connection.ts'
import { natsError } from '../nats/kept-stream.ts'
import type { ChangeLogAddress } from './address.ts'

/** Whether somebody has made it; opening it would. Rejects with BingoErrors. */
export async function changeLogExists(address: ChangeLogAddress): Promise<boolean> {
  switch (address.tag) {
    case 'redis':
      // Its first entry makes it.
      return true
    case 'nats':
      return hasStream(address.stream).catch((error: unknown) => {
        throw natsError(address.stream.printable, error)
      })
    case 'kafka': {
      const { topic, printable } = address.topic
      const admin = openAdmin(kafkaConnection(address.topic))
      try {
        return (await admin.listTopics()).includes(topic)
      } catch (error) {
        throw kafkaError(printable, error)
      } finally {
        await admin.close()
      }
    }
  }
}
