import { Producer, stringSerializers } from '@platformatic/kafka'
import { debeziumTable, keyOf, payloadOf, type Relay } from './relay.ts'

/**
 * No outbox: the writer sends its message itself when COMMIT has returned. A message is lost where it dies in between: this is how
 * long Kafka, its client and the consumer take.
 */
export const afterCommit: Relay = {
  name: 'sent after COMMIT, no outbox',
  // The rows are the same, so that the database has as much to do.
  ...debeziumTable(),
  start: async ({ broker, topic }) => {
    const producer = new Producer({
      clientId: 'bench',
      bootstrapBrokers: [broker],
      serializers: stringSerializers,
      acks: -1,
    })
    let failure: unknown
    let waiting: { readonly topic: string; readonly key: string; readonly value: string }[] = []
    let sending: Promise<unknown> | null = null
    // One request at a time, with everything that has come meanwhile.
    const send = (): void => {
      const messages = waiting
      waiting = []
      if (messages.length === 0) sending = null
      else sending = producer.send({ messages }).then(send, (error: unknown) => (failure = error))
    }
    return {
      committed: (n: number): void => {
        if (failure !== undefined) throw failure
        waiting.push({ topic, key: keyOf(n), value: payloadOf(n) })
        if (sending === null) send()
      },
      [Symbol.asyncDispose]: () => producer.close(),
    }
  },
}
