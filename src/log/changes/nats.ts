import { randomUUID } from 'node:crypto'
import { newHeaders } from '../../clients/nats/nats.ts'
import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../model/state/change-log.ts'
import type { NatsAddress } from '../nats/address.ts'
import { recordsLost, requireAll } from './numbers.ts'
import type { StreamConnection } from '../nats/connection.ts'
import { ANSWER_MS, KeptStream } from '../nats/kept-stream.ts'

/** Published before the first of them is answered. */
const CHUNK = 500
const PAGE = 128
const PAGE_BYTES = 1 << 20
/** Of this many reads that find nothing, one looks where the stream ends. */
const LOOK_EVERY = 64
/** At the end of the stream, which all shares have in common. */
const TAIL = 4_096
/** What headers and subject take of a message. */
const HEADER_BYTES = 1_024
/** Number of the message in its share, so that what is behind a place can be counted. */
const NUMBER = 'bingo-number'

/** What the server answers to a message that expects another stream than it is for. */
const OTHER_STREAM = 10060

interface End {
  seq: number
  /** Of the newest message of each share. */
  readonly numbers: number[]
}

interface Message {
  readonly share: number
  readonly seq: number
  readonly number: number
  readonly body: string
}

/**
 * A stream with a subject per share. Each message is published on the condition that the stream ends with the one before
 * it, so where one fails those behind it fail as well. A place is the sequence in the stream and the number in the share.
 */
export class NatsChangeLog implements ChangeLog {
  readonly description: string
  readonly #address: NatsAddress
  readonly #shares: number
  readonly #stream: KeptStream
  /** Of the last append: where the stream ends, and the numbers of each share; null: they are to be asked. */
  #end: End | null = null
  #idleReads = 0

  constructor(address: NatsAddress, shares: number) {
    this.#address = address
    this.#stream = new KeptStream(address)
    this.#shares = shares
    this.description = address.printable
  }

  check(): Promise<void> {
    return this.#use(async (connection) => {
      await this.#findEnd(connection)
      await this.#requirePublish(connection)
    })
  }

  mostBytes(): Promise<number> {
    return this.#use(({ mostBytes }) => Promise.resolve(mostBytes - HEADER_BYTES))
  }

  append(records: readonly ChangeLogRecord[]): Promise<void> {
    return this.#use(async (connection) => {
      this.#end ??= await this.#findEnd(connection)
      for (let from = 0; from < records.length; from += CHUNK) {
        await this.#publish(connection, this.#end, records.slice(from, from + CHUNK))
      }
    })
  }

  tail(): Promise<readonly ChangeLogRecord[]> {
    return this.#use(async (connection) => {
      const { state } = await connection.manager.streams.info(this.#address.stream)
      const found: ChangeLogRecord[] = []
      // A stream that is new begins at 0, which no message has.
      for (let seq = Math.max(1, state.first_seq, state.last_seq - TAIL + 1); seq <= state.last_seq;) {
        const page = await this.#page(connection, seq, null)
        if (page.length === 0) break
        found.push(...page.map(({ share, body }) => ({ share, body })))
        seq = page.at(-1)!.seq + 1
      }
      return found
    })
  }

  read(share: number, after: string | null): Promise<readonly ChangeLogEntry[]> {
    return this.#use(async (connection) => {
      const page = await this.#page(connection, seqOf(after) + 1, share)
      if (page.length === 0 && after !== null) await this.#requireEnd(connection, share, seqOf(after))
      requireAll(this.description, share, after === null ? null : numberOf(after), page)
      return page.map(({ seq, number, body }) => ({ place: `${seq}.${number}`, body }))
    })
  }

  behind(share: number, place: string | null): Promise<number> {
    return this.#use(async (connection) => {
      const newest = await this.#newestOf(connection, share)
      return Math.max(0, newest - (place === null ? 0 : numberOf(place)))
    })
  }

  trim(share: number, upTo: string): Promise<void> {
    return this.#use(async ({ manager }) => {
      const { stream } = this.#address
      await manager.streams.purge(stream, { filter: `${stream}.${share}`, seq: seqOf(upTo) + 1 })
    })
  }

  close(): Promise<void> {
    return this.#stream.close()
  }

  async #publish({ jetstream }: StreamConnection, end: End, records: readonly ChangeLogRecord[]): Promise<void> {
    const { stream } = this.#address
    // Of this attempt alone: the server drops what it has seen under an id.
    const batch = randomUUID()
    const published = await Promise.allSettled(
      records.map(({ share, body }, i) => {
        const headers = newHeaders()
        headers.set(NUMBER, String((end.numbers[share]! += 1)))
        const behind = i === 0 ? { lastSequence: end.seq } : { lastMsgID: `${batch}:${i - 1}` }
        const expect = { streamName: stream, ...behind }
        return jetstream.publish(`${stream}.${share}`, body, {
          headers,
          timeout: ANSWER_MS,
          msgID: `${batch}:${i}`,
          expect,
        })
      }),
    )
    const failed = published.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    end.seq += records.length
  }

  async #findEnd(connection: StreamConnection): Promise<End> {
    const { state } = await connection.manager.streams.info(this.#address.stream)
    const numbers: number[] = []
    for (let share = 0; share < this.#shares; share++) numbers.push(await this.#newestOf(connection, share))
    return { seq: state.last_seq, numbers }
  }

  /** A stream that was deleted, or restored, begins again with lower sequences: what is appended would never be read. */
  async #requireEnd({ manager }: StreamConnection, share: number, seq: number): Promise<void> {
    if (this.#idleReads++ % LOOK_EVERY !== 0) return
    const { state } = await manager.streams.info(this.#address.stream)
    if (state.last_seq >= seq) return
    throw recordsLost(this.description, share, `the stream ends at ${state.last_seq}, and ${seq} was read`)
  }

  /** Published for a stream that there is not, so that nothing is stored: the server looks at the right of it first. */
  async #requirePublish({ jetstream }: StreamConnection): Promise<void> {
    const expect = { streamName: `not-${this.#address.stream}` }
    await jetstream.publish(`${this.#address.stream}.0`, '', { timeout: ANSWER_MS, expect }).catch((error: unknown) => {
      if (!isOtherStream(error)) throw error
    })
  }

  async #newestOf({ manager }: StreamConnection, share: number): Promise<number> {
    const { stream } = this.#address
    const last = await manager.direct
      .getMessage(stream, { last_by_subj: `${stream}.${share}` })
      .catch((error: unknown) => {
        if (isNotFound(error)) return null
        throw error
      })
    return Number(last?.header.get(NUMBER) || 0)
  }

  /** Some messages from this sequence on; of one share, or of all. */
  async #page({ manager }: StreamConnection, seq: number, share: number | null): Promise<Message[]> {
    const { stream } = this.#address
    const found: Message[] = []
    const of = share === null ? {} : { next_by_subj: `${stream}.${share}` }
    const gather = async (): Promise<void> => {
      const options = { seq, batch: PAGE, max_bytes: PAGE_BYTES, ...of }
      for await (const message of await manager.direct.getBatch(stream, options)) {
        const number = Number(message.header.get(NUMBER))
        // Somebody else has published it.
        if (!(number > 0)) continue
        const body = new TextDecoder().decode(message.data)
        found.push({ share: Number(message.subject.slice(stream.length + 1)), seq: message.seq, number, body })
      }
    }
    await gather().catch((error: unknown) => {
      // Nothing is there any more, or yet.
      if (!isNotFound(error)) throw error
    })
    return found
  }

  async #use<T>(work: (connection: StreamConnection) => Promise<T>): Promise<T> {
    try {
      return await this.#stream.use(work)
    } catch (error) {
      this.#end = null
      throw error
    }
  }
}

function seqOf(place: string | null): number {
  return place === null ? 0 : Number(place.split('.')[0])
}

function numberOf(place: string): number {
  return Number(place.split('.')[1])
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404
}

function isOtherStream(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === OTHER_STREAM
}
