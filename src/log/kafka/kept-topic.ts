import { Kept } from '../kept.ts'
import type { KafkaAddress } from './address.ts'
import { kafkaError } from './errors.ts'
import { OpenTopic } from './topic.ts'

/** Of a call; the client repeats within it. */
const TIMEOUT_MS = 20_000

/** Keeps the clients of a topic until something goes wrong: then it opens others for the next piece of work. */
export class KeptTopic {
  readonly #printable: string
  readonly #topic: Kept<OpenTopic>

  /** `check`: throws where the topic is not as it has to be. */
  constructor(address: KafkaAddress, check: (topic: OpenTopic) => void = () => undefined) {
    this.#printable = address.printable
    this.#topic = new Kept({
      description: this.#printable,
      open: async () => {
        const topic = await OpenTopic.open(address)
        try {
          check(topic)
        } catch (error) {
          await topic.close()
          throw error
        }
        return topic
      },
      close: (topic) => topic.close(),
      timeoutMs: TIMEOUT_MS,
    })
  }

  /** Rejects with a BingoError. */
  async use<T>(work: (topic: OpenTopic) => Promise<T>): Promise<T> {
    try {
      return await this.#topic.use(work)
    } catch (error) {
      throw kafkaError(this.#printable, error)
    }
  }

  close(): Promise<void> {
    return this.#topic.close()
  }
}
