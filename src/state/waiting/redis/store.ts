import { createHash } from 'node:crypto'
import type { RedisConnection } from '../../../clients/redis/redis.ts'
import { isKeyed } from '../../../model/delivery/waiting.ts'
import type {
  LineTotals,
  StoredRecord,
  WaitingRecord,
  WaitingSeq,
  WaitingStore,
} from '../../../model/delivery/waiting.ts'
import { mapOf, number, orNull, text } from '../../../model/json/shape.ts'
import { ADD, LINES, PAGE, REMOVE, REPLACE } from './scripts.ts'
import { idsBehind, readHead, readRest, restText, ShapeReader, shapeText, unreachable } from '../texts.ts'

/** Records written or removed by one script: it holds up other clients while it runs. */
const AT_ONCE = 200
/** Records of a key read by one script: more than most keys have. */
const MOST_READ = 500

/** What stands before the event of a record. */
interface Head {
  readonly line: string
  readonly shape: string
  readonly rowKey: string
  readonly keyed: boolean
  readonly baseMs: number
  readonly bytes: number
  readonly rest: string | null
}

const HEAD = mapOf({ line: text, shape: text, rowKey: text, baseMs: number, bytes: number, rest: orNull(text) })

/** Waiting events beside the dead letters in Redis. As durable as that Redis is (docs/operations.md). */
export class RedisWaitingStore implements WaitingStore {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #keys: readonly [records: string, lines: string, sequence: string, places: string]
  readonly #shapes: ShapeReader
  /** By text. */
  readonly #names = new Map<string, string>()

  /** Owns `redis`: `close` closes it. The braces are a Cluster hash tag: one instance, one node. */
  constructor(redis: RedisConnection, name: string) {
    this.#redis = redis
    const key = `bingo:{${name}}:waiting`
    this.#keys = [key, `${key}:lines`, `${key}:sequence`, `${key}:places`]
    this.description = `${redis.address} ${key}`
    this.#shapes = new ShapeReader(this.description)
  }

  async add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    const places: (WaitingSeq | null)[] = []
    for (let from = 0; from < records.length; from += AT_ONCE) {
      places.push(...(await this.#addSome(records.slice(from, from + AT_ONCE))))
    }
    return places
  }

  async #addSome(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    const shapes = new Map<string, readonly [string, string, string]>()
    const written = records.flatMap((record) => {
      const { id, line, rowKey, baseMs, event } = record
      const json = shapeText(record.shape)
      const shape = this.#nameOf(json)
      shapes.set(`${line}\0${shape}`, [line, shape, json])
      const keyed = isKeyed(line)
      const head: Head = { line, shape, rowKey, keyed, baseMs, bytes: Buffer.byteLength(event), rest: restText(record) }
      const behind = idsBehind(record)
      return [id, JSON.stringify(head), event, `${record.from ?? ''}`, `${behind.length}`, ...behind]
    })
    const values = [...this.#keys, `${shapes.size}`, ...[...shapes.values()].flat(), ...written]
    const places = await this.#run((client) => client.eval(ADD, this.#keys.length, ...values))
    return (places as readonly number[]).map((place) => (place === 0 ? null : place))
  }

  async remove(places: readonly WaitingSeq[]): Promise<void> {
    for (let from = 0; from < places.length; from += AT_ONCE) {
      const some = places.slice(from, from + AT_ONCE)
      await this.#run((client) => client.eval(REMOVE, this.#keys.length, ...this.#keys, ...some.map(String)))
    }
  }

  async replace(records: readonly StoredRecord[]): Promise<void> {
    for (let from = 0; from < records.length; from += AT_ONCE) {
      const written = records.slice(from, from + AT_ONCE).flatMap(({ seq, shape, rowKey, event }) => {
        const json = shapeText(shape)
        return [`${seq}`, this.#nameOf(json), json, rowKey, event, `${Buffer.byteLength(event)}`]
      })
      await this.#run((client) => client.eval(REPLACE, this.#keys.length, ...this.#keys, ...written))
    }
  }

  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    return this.#page(line, `${this.#keys[0]}:line:${line}`, after, limit)
  }

  async ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    const key = `${this.#keys[0]}:row:${line}:${rowKey}`
    const found: StoredRecord[] = []
    for (let page: readonly StoredRecord[] = []; ;) {
      page = await this.#page(line, key, page.at(-1)?.seq ?? 0, MOST_READ)
      found.push(...page)
      if (page.length < MOST_READ) return found
    }
  }

  async lines(): Promise<readonly LineTotals[]> {
    const answer = await this.#run((client) => client.eval(LINES, this.#keys.length, ...this.#keys))
    return (answer as readonly [string, string, number, string, string[]][]).map(
      ([line, bytes, count, first, texts]) => {
        const { baseMs } = readHead<Head>(first.split('\n', 2)[1]!, HEAD, this.description)
        const shapes = texts.map((text) => this.#shapes.read(text))
        return { line, count, bytes: Number(bytes), oldestMs: baseMs, shapes }
      },
    )
  }

  async close(): Promise<void> {
    await this.#redis.close()
  }

  /** The ids of a set by place, and their records, as they are at one moment. */
  async #page(line: string, set: string, after: WaitingSeq, limit: number): Promise<StoredRecord[]> {
    const keys = [this.#keys[0], set, `${this.#keys[0]}:shapes:${line}`]
    const answer = await this.#run((client) => client.eval(PAGE, keys.length, ...keys, `${after}`, `${limit}`))
    const [ids, bodies, texts] = answer as readonly [string[], string[], string[]]
    const shapes = new Map<string, string>()
    for (let i = 0; i < texts.length; i += 2) shapes.set(texts[i]!, texts[i + 1]!)
    return ids.map((id, i) => {
      const body = bodies[i]!
      const [place, json] = body.split('\n', 2) as [string, string]
      const head = readHead<Head>(json, HEAD, this.description)
      return {
        id,
        seq: Number(place),
        line,
        shape: this.#shapes.read(shapes.get(head.shape)!),
        rowKey: head.rowKey,
        baseMs: head.baseMs,
        bytes: head.bytes,
        event: body.slice(place.length + json.length + 2),
        ...readRest(head.rest, this.description),
      }
    })
  }

  #run<T>(work: (client: RedisConnection['client']) => Promise<T>): Promise<T> {
    return this.#redis.run(work, (error) => unreachable(this.description, error))
  }

  /** Sent with every record instead of its shape. */
  #nameOf(shape: string): string {
    let name = this.#names.get(shape)
    if (name === undefined) {
      name = createHash('sha256').update(shape).digest('base64url').slice(0, 12)
      this.#names.set(shape, name)
    }
    return name
  }
}
