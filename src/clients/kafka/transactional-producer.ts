import type { Connection } from '@platformatic/kafka'
import { BatchProducer, type BatchProducerOptions, type ProducerId } from './batch-producer.ts'
import type { PartitionBatch } from './produce-request.ts'

/** Later versions are for brokers among themselves. */
const NEWEST_ADD_PARTITIONS = 3
/** What a coordinator is asked for. */
const TRANSACTION = 1
/** So long a transaction may stay open that nobody ends: until then nobody reads what comes behind it. */
const TRANSACTION_TIMEOUT_MS = 60_000

interface Coordinators {
  readonly coordinators: readonly { readonly nodeId: number }[]
}

/**
 * A producer whose batches are part of transactions. Whoever begins with its id last is the only one that can write under
 * it: what an earlier one left open is undone, and what that one sends after it is refused (by its epoch).
 */
export class TransactionalProducer extends BatchProducer {
  #id: ProducerId | null = null
  #coordinator: Connection | null = null
  /** `topic:partition` of the open transaction. */
  readonly #partitions = new Set<string>()

  constructor(options: BatchProducerOptions, transactionalId: string) {
    super(options, transactionalId)
  }

  override async send(batches: readonly PartitionBatch[]): Promise<readonly (Error | null)[]> {
    try {
      this.lastError = null
      await this.#add(batches, await this.begin())
    } catch (error) {
      return batches.map(() => error as Error)
    }
    return super.send(batches)
  }

  /** Readers of what is committed see all of the transaction from now on. */
  async commit(): Promise<void> {
    if (this.#partitions.size === 0) return
    const { producerId, producerEpoch } = this.#id!
    const api = await this.api<unknown>('EndTxn')
    await this.retried(async () =>
      api.async(await this.#findCoordinator(), this.transactionalId, producerId, producerEpoch, true),
    ).catch((error: unknown) => this.#lostCoordinator(error))
    this.#partitions.clear()
  }

  protected override async identify(): Promise<ProducerId> {
    try {
      const api = await this.api<ProducerId>('InitProducerId')
      this.#id = await api.async(await this.#findCoordinator(), this.transactionalId, TRANSACTION_TIMEOUT_MS)
      return this.#id
    } catch (error) {
      return this.#lostCoordinator(error)
    }
  }

  /** Says which partitions the transaction writes to, before it does. */
  async #add(batches: readonly PartitionBatch[], { producerId, producerEpoch }: ProducerId): Promise<void> {
    const fresh = batches.filter(({ topic, partition }) => !this.#partitions.has(`${topic}:${partition}`))
    if (fresh.length === 0) return
    const topics = [...Map.groupBy(fresh, ({ topic }) => topic)].map(([name, its]) => ({
      name,
      partitions: its.map(({ partition }) => partition),
    }))
    const api = await this.api<unknown>('AddPartitionsToTxn', NEWEST_ADD_PARTITIONS)
    const transaction = { transactionalId: this.transactionalId, producerId, producerEpoch, topics, verifyOnly: false }
    await this.retried(async () => {
      try {
        await api.async(await this.#findCoordinator(), [transaction])
      } catch (error) {
        this.#lostCoordinator(error)
      }
    })
    for (const { topic, partition } of fresh) this.#partitions.add(`${topic}:${partition}`)
  }

  async #findCoordinator(): Promise<Connection> {
    if (this.#coordinator?.isConnected()) return this.#coordinator
    const metadata = await this.metadata([], true)
    const anybody = await this.client.connections.getFirstAvailable([...metadata.brokers.values()])
    const api = await this.api<Coordinators>('FindCoordinator')
    const { coordinators } = await api.async(anybody, TRANSACTION, [this.transactionalId])
    this.#coordinator = await this.connection(metadata, coordinators[0]!.nodeId)
    return this.#coordinator
  }

  /** It may be another one now. */
  #lostCoordinator(error: unknown): never {
    this.#coordinator = null
    throw error
  }
}
