import { Kafka, logLevel } from 'kafkajs'

/** The end was reached when nothing more comes for this long. */
const IDLE_MS = 5_000
const FIRST_MS = 20_000
let group = 0

/**
 * All values (or keys) of a topic that a reader of what is committed sees, partition by partition in order: by another
 * client than the one that BinGo uses.
 */
export async function committedValues(
  brokers: string | readonly string[],
  topic: string,
  part: 'values' | 'keys' = 'values',
): Promise<string[]> {
  const kafka = new Kafka({ brokers: [brokers].flat(), logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `committed-${process.pid}-${group++}`, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const seen: string[] = []
  let idle = setTimeout(resolve, FIRST_MS)
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.push((part === 'keys' ? message.key : message.value)?.toString() ?? '')
      clearTimeout(idle)
      idle = setTimeout(resolve, IDLE_MS)
    },
  })
  await ended
  clearTimeout(idle)
  await consumer.disconnect()
  return seen
}
