import { dialNats, jetstreamOf } from '../../../clients/nats/nats.ts'
import { natsOptions } from '../../../clients/nats/options.ts'
import { checkConsumer, consumerOf, streamOf, type NatsStreamOptions } from './connection.ts'
import { natsReadError } from './errors.ts'
import { subjectsMeet } from './subject.ts'

/**
 * What of a source is not there: the stream, or subjects that the stream does not take. Changes nothing. Rejects with
 * BINGO_BROKER_REFUSED, _UNREACHABLE, or _UNFIT for a durable consumer that the source cannot use.
 */
export async function lookAtStream(options: NatsStreamOptions): Promise<readonly string[]> {
  const { login, stream, topics, description } = options
  try {
    const client = await dialNats(natsOptions(login))
    try {
      const manager = await jetstreamOf(client).jetstreamManager()
      const found = await streamOf(manager, options)
      if (found === null) return [stream]
      const consumer = await consumerOf(manager, options)
      if (consumer !== null) checkConsumer(consumer, options)
      // A mirror has none of its own, and one with sources takes the subjects of others too.
      const { subjects, mirror, sources } = found.config
      if (mirror !== undefined || sources !== undefined) return []
      return topics.filter((topic) => !subjects.some((subject) => subjectsMeet(topic, subject)))
    } finally {
      await client.close().catch(() => undefined)
    }
  } catch (error) {
    throw natsReadError(description, error)
  }
}
