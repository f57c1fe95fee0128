import { EARLIEST, LATEST, openAdmin, openConsumer, TOPIC } from '../../clients/kafka/kafka.ts'
import { kafkaConnection } from '../../clients/kafka/connection.ts'
import { protocolErrorOf } from '../../clients/kafka/errors.ts'
import type { BytesConsumer } from '../../clients/kafka/kafka.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { engineUnfit } from '../errors.ts'
import type { KafkaAddress } from './address.ts'
import { type AppendedRecord, Appender } from './appender.ts'

const CLOSE_TIMEOUT_MS = 1_000
/** What the brokers set where nobody else does. */
const DEFAULT_MESSAGE_BYTES = 1_048_588
const FETCH_BYTES = 4 << 20
const FETCH_WAIT_MS = 100
/** How Kafka removes records by their age and the size of a partition. */
const RETENTION = ['retention.ms', 'retention.bytes']
const UNLIMITED = '-1'
const ANY_EPOCH = -1
/** Of a batch that says how a transaction ended. */
const IS_CONTROL = 0b100000

/** A record as it is in a partition. */
export interface FetchedRecord {
  readonly partition: number
  readonly offset: bigint
  readonly value: Buffer | null
  readonly header: (name: string) => string
}

export interface Fetched {
  readonly records: readonly FetchedRecord[]
  /** Where the next fetch goes on, by partition. */
  readonly next: readonly bigint[]
}

interface Clients {
  readonly appender: Appender
  readonly admin: ReturnType<typeof openAdmin>
  readonly consumer: BytesConsumer
}

/** Clients of a topic that is in place, until their first trouble: then others are opened. */
export class OpenTopic {
  /** Of a batch of records, at most. */
  readonly mostBytes: number
  readonly #appender: Appender
  readonly #admin: ReturnType<typeof openAdmin>
  readonly #consumer: BytesConsumer
  readonly #topic: string
  readonly #id: string
  /** By partition. */
  readonly #leaders: readonly number[]

  private constructor(
    topic: string,
    clients: Clients,
    found: { id: string; leaders: readonly number[]; mostBytes: number },
  ) {
    this.#topic = topic
    this.#appender = clients.appender
    this.#admin = clients.admin
    this.#consumer = clients.consumer
    this.#id = found.id
    this.#leaders = found.leaders
    this.mostBytes = found.mostBytes
  }

  /** Makes the topic where there is none. Rejects with BINGO_LOG_ENGINE_UNFIT, or with the client's error. */
  static async open(address: KafkaAddress): Promise<OpenTopic> {
    const connection = kafkaConnection(address)
    const admin = openAdmin(connection)
    const appender = new Appender(connection, address.topic)
    const consumer = openConsumer(connection)
    consumer.topics.track(address.topic)
    try {
      await create(admin, address)
      const mostBytes = await check(admin, address)
      const metadata = await admin.metadata({ topics: [address.topic], autocreateTopics: false, forceUpdate: true })
      const { id, partitions } = metadata.topics.get(address.topic)!
      const leaders = partitions.map(({ leader }) => leader)
      return new OpenTopic(address.topic, { appender, admin, consumer }, { id, leaders, mostBytes })
    } catch (error) {
      await closeAll({ admin, appender, consumer })
      throw error
    }
  }

  get partitions(): number {
    return this.#leaders.length
  }

  /**
   * Records that are at most `mostBytes` together: those of a partition are there as a whole or not. To be called again when
   * it has resolved; when it has rejected, the topic is to be closed.
   */
  append(records: readonly AppendedRecord[]): Promise<void> {
    return this.#appender.append(records)
  }

  earliest(): Promise<readonly bigint[]> {
    return this.#offsets(EARLIEST)
  }

  latest(): Promise<readonly bigint[]> {
    return this.#offsets(LATEST)
  }

  /** Some records of each of these partitions, behind these offsets; undefined: not of this partition. */
  async fetch(offsets: readonly (bigint | undefined)[], partitionBytes = FETCH_BYTES): Promise<Fetched> {
    const records: FetchedRecord[] = []
    const next = offsets.map((offset) => offset ?? 0n)
    await Promise.all(
      [...new Set(this.#leaders)].map(async (node) => {
        const partitions = this.#leaders.flatMap((leader, partition) => {
          const fetchOffset = offsets[partition]
          if (leader !== node || fetchOffset === undefined) return []
          const epochs = { currentLeaderEpoch: ANY_EPOCH, lastFetchedEpoch: ANY_EPOCH }
          return [{ partition, fetchOffset, partitionMaxBytes: partitionBytes, ...epochs }]
        })
        if (partitions.length === 0) return
        const topics = [{ topicId: this.#id, partitions }]
        const options = { node, topics, minBytes: 1, maxBytes: FETCH_BYTES, maxWaitTime: FETCH_WAIT_MS }
        const { responses } = await this.#consumer.fetch(options)
        for (const { partitionIndex, records: batches } of responses.flatMap((each) => each.partitions)) {
          for (const batch of batches ?? []) {
            const end = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
            if (end > next[partitionIndex]!) next[partitionIndex] = end
            if ((batch.attributes & IS_CONTROL) !== 0) continue
            for (const { offsetDelta, value, headers } of batch.records) {
              const offset = batch.firstOffset + BigInt(offsetDelta)
              // A batch begins before the offset that was asked for.
              if (offset < offsets[partitionIndex]!) continue
              const header = (name: string): string =>
                headers.find(([key]) => key?.toString() === name)?.[1]?.toString() ?? ''
              records.push({ partition: partitionIndex, offset, value, header })
            }
          }
        }
      }),
    )
    return { records, next }
  }

  /** Removes what is before these offsets. */
  async deleteRecords(before: readonly bigint[]): Promise<void> {
    const partitions = before.map((offset, partitionIndex) => ({ partition: partitionIndex, partitionIndex, offset }))
    await this.#admin.deleteRecords({ topics: [{ name: this.#topic, partitions }] })
  }

  close(): Promise<void> {
    return closeAll({ appender: this.#appender, admin: this.#admin, consumer: this.#consumer })
  }

  async #offsets(timestamp: bigint): Promise<readonly bigint[]> {
    const offsets = await this.#consumer.listOffsets({ topics: [this.#topic], timestamp })
    return offsets.get(this.#topic)!
  }
}

/** The clients would wait for what hangs. */
async function closeAll(clients: Clients): Promise<void> {
  const closing = [clients.appender.close(), clients.admin.close(), clients.consumer.close(true)]
  await Promise.all(closing.map((each) => withDeadline(each, CLOSE_TIMEOUT_MS).catch(() => undefined)))
}

async function create(admin: ReturnType<typeof openAdmin>, address: KafkaAddress): Promise<void> {
  const { topic, partitions, replicas, syncsAlways, printable } = address
  if ((await admin.listTopics()).includes(topic)) return
  const configs = [
    { name: 'cleanup.policy', value: 'delete' },
    ...RETENTION.map((name) => ({ name, value: UNLIMITED })),
    ...(replicas >= 3 ? [{ name: 'min.insync.replicas', value: '2' }] : []),
    ...(syncsAlways ? [{ name: 'flush.messages', value: '1' }] : []),
  ]
  try {
    await admin.createTopics({ topics: [topic], partitions, replicas, configs })
  } catch (error) {
    const name = protocolErrorOf(error)
    // Another instance starts at the same time.
    if (name === 'TOPIC_ALREADY_EXISTS') return
    if (name === 'INVALID_REPLICATION_FACTOR') {
      throw engineUnfit(
        printable,
        `there are fewer than ${replicas} brokers`,
        'Lower ?replicas, or start more brokers.',
      )
    }
    throw error
  }
}

/** A topic that was made by somebody else must not lose what it was given. Answers how large a batch may be. */
async function check(admin: ReturnType<typeof openAdmin>, address: KafkaAddress): Promise<number> {
  const { topic, printable, syncsAlways } = address
  const [described] = await admin.describeConfigs({ resources: [{ resourceType: TOPIC, resourceName: topic }] })
  const value = (name: string): string => described?.configs.find((each) => each.name === name)?.value ?? ''
  if (value('cleanup.policy').includes('compact')) {
    throw engineUnfit(printable, 'the topic is compacted', 'Set its cleanup.policy to "delete".')
  }
  for (const name of RETENTION) {
    if (['', UNLIMITED].includes(value(name))) continue
    const hint = `Set ${RETENTION.join(' and ')} of the topic to ${UNLIMITED}: BinGo itself removes what is done.`
    throw engineUnfit(printable, `the topic removes records by ${name}=${value(name)}, read or not`, hint)
  }
  if (syncsAlways && value('flush.messages') !== '1') {
    const hint = 'Set flush.messages of the topic to 1, or remove ?sync=always.'
    throw engineUnfit(printable, '?sync=always, and the topic is not synced with each record', hint)
  }
  return Number(value('max.message.bytes')) || DEFAULT_MESSAGE_BYTES
}
