import type { RedisConnection } from '../../clients/redis/redis.ts'
import { askRedisServer } from '../../clients/redis/server-facts.ts'
import type { SagaSource } from '../../model/saga/definition.ts'
import type { SagaInstance, SagaRef, SagaStatus } from '../../model/saga/instance.ts'
import type { SagaCount, SagaFilter, SagaListing, SagaPage, SagaStore } from '../../model/saga/store.ts'
import type { SagaStoreRisk, SagaTransition } from '../../model/saga/store.ts'
import { risksOf } from './redis-risks.ts'
import { CLAIM, COUNTS, DEFINITIONS, DUE, LIST, LOAD, REMOVE_ENDED, SAVE } from './redis-scripts.ts'
import { fenced, instanceText, isInFlight, placeOf, readInstance, readSource, unreachable } from './texts.ts'

/** Digits of a start, and of an id, in the sets that are listed. */
const DIGITS = 16
/** Instances that are looked at together for a listing by key. */
const SCANNED = 500

/**
 * Sagas in Redis. A transition is one script, which other clients see whole or not at all; it is as durable as the answer
 * of that Redis (docs/sagas.md).
 */
export class RedisSagaStore implements SagaStore {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #key: string
  readonly #mayFailOver: boolean

  /** Owns `redis`: `close` closes it. The braces are a Cluster hash tag: one instance, one node. */
  constructor(redis: RedisConnection, name: string, mayFailOver = false) {
    this.#redis = redis
    this.#mayFailOver = mayFailOver
    this.#key = `bingo:{${name}}:sagas`
    this.description = `${redis.address} ${this.#key}`
  }

  async claim(): Promise<number> {
    return Number(await this.#eval(CLAIM))
  }

  async load(refs: readonly SagaRef[]): Promise<readonly (SagaInstance | null)[]> {
    if (refs.length === 0) return []
    return this.#instances((await this.#eval(LOAD, ...refs.map(nameOf))) as readonly string[])
  }

  async save(
    transitions: readonly SagaTransition[],
    definitions: readonly SagaSource[],
    epoch: number | null,
  ): Promise<readonly boolean[]> {
    const sources = definitions.flatMap((source) => [`${source.id}/${source.version}`, JSON.stringify(source)])
    const values = [epoch ?? '', definitions.length, ...sources, ...transitions.flatMap(valuesOf)]
    const answer = (await this.#eval(SAVE, ...values)) as string | readonly number[]
    if (typeof answer === 'string') throw fenced(epoch!, Number(answer))
    return answer.map((isSaved) => isSaved === 1)
  }

  async due(now: number, limit: number): Promise<readonly SagaInstance[]> {
    const found = this.#instances((await this.#eval(DUE, now, limit)) as readonly string[])
    return found.filter((instance) => instance !== null)
  }

  async nextDue(): Promise<number | null> {
    const [, at] = await this.#run((client) => client.zrange(`${this.#key}:due`, '0', '0', 'WITHSCORES'))
    return at === undefined ? null : Number(at)
  }

  async definitions(): Promise<readonly SagaSource[]> {
    const texts = (await this.#eval(DEFINITIONS)) as readonly string[]
    return texts.map((each) => readSource(each, this.description))
  }

  async list({ saga = '', status, keyPrefix = '' }: SagaFilter, page: SagaPage): Promise<SagaListing> {
    const place = placeOf(page)
    if (status?.length === 0) return { instances: [], next: null }
    const most = page.limit + 1
    const members: string[] = []
    const texts: string[] = []
    for (let before = place === null ? '' : padded(place[0]) + padded(place[1]); ;) {
      const values = [before, Math.max(SCANNED, most), most - members.length, keyPrefix, saga, ...(status ?? [])]
      const [more, last, ...found] = (await this.#eval(LIST, ...values)) as [string, string, ...string[]]
      for (let i = 0; i < found.length; i += 3) {
        members.push(found[i]!)
        texts.push(found[i + 1]!, found[i + 2]!)
      }
      if (more === '0' || members.length === most) break
      before = last
    }
    const shown = Math.min(members.length, page.limit)
    const last = members.length > shown ? members[shown - 1]! : null
    return {
      instances: this.#instances(texts.slice(0, 2 * shown)).filter((instance) => instance !== null),
      next: last === null ? null : `${startOf(last)}-${Number(last.slice(DIGITS, 2 * DIGITS))}`,
    }
  }

  async counts(): Promise<readonly SagaCount[]> {
    const answer = (await this.#eval(COUNTS)) as readonly (string | number)[]
    return Array.from({ length: answer.length / 3 }, (_, i) => {
      const [group, count, oldest] = answer.slice(3 * i) as [string, number, string]
      const [status, saga] = groupOf(group)
      return { saga, status, count, oldestMs: startOf(oldest) }
    })
  }

  async removeEnded(endedBefore: number, limit: number): Promise<number> {
    return Number(await this.#eval(REMOVE_ENDED, endedBefore, limit))
  }

  async risks(): Promise<readonly SagaStoreRisk[]> {
    return risksOf(await this.#run((client) => askRedisServer(client, this.#key)), this.#mayFailOver)
  }

  async close(): Promise<void> {
    await this.#redis.close()
  }

  #instances(answer: readonly string[]): (SagaInstance | null)[] {
    return Array.from({ length: answer.length / 2 }, (_, i) => {
      const text = answer[2 * i]!
      const due = answer[2 * i + 1]!
      if (text === '') return null
      return readInstance(text.slice(text.indexOf('\n') + 1), due === '' ? null : Number(due), this.description)
    })
  }

  #eval(script: string, ...values: readonly (string | number)[]): Promise<unknown> {
    return this.#run((client) => client.eval(script, 1, this.#key, ...values))
  }

  #run<T>(work: (client: RedisConnection['client']) => Promise<T>): Promise<T> {
    return this.#redis.run(work, (error) => unreachable(this.description, error))
  }
}

function valuesOf({ instance, from }: SagaTransition): readonly (string | number)[] {
  const { saga, version, status, startedAt, endedAt, dueAt, revision } = instance
  const flight = isInFlight(instance) ? 1 : 0
  const times = [startedAt, endedAt ?? '', dueAt ?? '']
  return [saga, nameOf(instance), from, revision, status, ...times, flight, version, instanceText(instance)]
}

/** No id of a saga has a slash. */
function nameOf({ saga, key }: SagaRef): string {
  return `${saga}/${key}`
}

function groupOf(group: string): readonly [status: SagaStatus, saga: string] {
  const at = group.indexOf('/')
  return [group.slice(0, at) as SagaStatus, group.slice(at + 1)]
}

function padded(number: number): string {
  return `${number}`.padStart(DIGITS, '0')
}

function startOf(member: string): number {
  return Number(member.slice(0, DIGITS))
}
