import type { Clock } from '../../model/clock.ts'
import { BingoError, EvaluationError } from '../../model/errors.ts'
import type { Change } from '../../model/event/change.ts'
import type { LookedUp } from '../../model/event/facts.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import type { TargetState } from '../../model/delivery/target-state.ts'
import type { DeliveryFailure, Log } from '../../model/rule/action.ts'
import type { Lookup, LookupParams } from '../../model/rule/lookup.ts'
import { thrownFailure } from '../../targets/failure/failure.ts'
import { Flushes } from '../queue/flushes.ts'
import { TargetHealth } from '../queue/target-health.ts'
import { MOST_QUESTIONS } from './batch-statement.ts'
import { LookupCache } from './lookup-cache.ts'
import type { LookupConnection } from './lookup-connection.ts'
import { readRows, sqlStateOf } from './read-rows.ts'

/** Questions under way at once. */
const MOST_UNDER_WAY = 2
/** SQLSTATE of errors in the values of a statement: another event may do better. */
const VALUE_ERROR = /^22/

export interface LookupQueueDeps {
  readonly open: (lookup: Lookup) => LookupConnection
  readonly clock: Clock
  readonly log: Log
  readonly state: TargetState
  /** `fail`: an answer that cannot be had now is an error, instead of waited for. */
  readonly whenDown: 'wait' | 'fail'
}

interface Question {
  readonly change: Change
  readonly params: LookupParams
  /** The parameters as text. */
  readonly key: string
  readonly bytes: number
  readonly resolve: (found: LookedUp | null) => void
  readonly reject: (error: unknown) => void
}

/** Asks for the rows of one lookup: what is asked meanwhile goes together; a server that is down is probed, and waited for. */
export class LookupQueue {
  private readonly deps: LookupQueueDeps
  private readonly health: TargetHealth
  private readonly cache = new LookupCache()
  private lookup: Lookup
  private connection: LookupConnection | null = null
  private waiting: Question[] = []
  private readonly flushes: Flushes
  private underWay = 0
  /** The server does not take several questions in one statement. */
  private oneByOne = false
  private closed = false

  constructor(lookup: Lookup, deps: LookupQueueDeps) {
    this.lookup = lookup
    this.deps = deps
    this.flushes = new Flushes(() => this.flush(), deps.clock)
    this.health = new TargetHealth(
      { id: deps.state.id, type: deps.state.type, options: null },
      deps.clock,
      deps.log,
      deps.state,
    )
  }

  get idle(): boolean {
    return this.waiting.length === 0 && this.underWay === 0
  }

  get isDown(): boolean {
    return this.deps.state.downSince > 0
  }

  /** Null where there is no row. Rejects with EvaluationError for what this event cannot have; never for an outage. */
  ask(change: Change, bytes: number): Promise<LookedUp | null> {
    const { promise, resolve, reject } = Promise.withResolvers<LookedUp | null>()
    this.enqueue(change, bytes, resolve, reject)
    return promise
  }

  /** The rule was changed: what waits is asked as the rule says now. */
  use(lookup: Lookup): void {
    const { statement, server } = this.lookup
    const same = statement === lookup.statement && stringifyValue(server) === stringifyValue(lookup.server)
    this.lookup = lookup
    if (same) return
    this.cache.clear()
    this.oneByOne = false
    this.disconnect()
    this.askAgain()
  }

  /** Nobody asks any more: what waits cannot be rendered. Answers how many that are. */
  drop(): number {
    const waiting = this.takeAll()
    for (const question of waiting) question.reject(this.error('BINGO_TARGET_DROPPED', 'it was dropped'))
    return waiting.length
  }

  async close(): Promise<void> {
    this.closed = true
    this.flushes.cancel()
    await this.connection?.close()
  }

  private enqueue(change: Change, bytes: number, resolve: Question['resolve'], reject: Question['reject']): void {
    let params: LookupParams
    try {
      params = this.lookup.bind(change.table)(change)
    } catch (error) {
      reject(error)
      return
    }
    const key = JSON.stringify(params)
    const known = this.lookup.cacheMs === 0 ? undefined : this.cache.get(key, this.deps.clock.monotonicMs())
    if (known !== undefined) {
      resolve(known)
      return
    }
    this.waiting.push({ change, params, key, bytes, resolve, reject })
    this.deps.state.queued += 1
    this.deps.state.inFlightBytes += bytes
    this.flushes.request()
  }

  private askAgain(): void {
    for (const { change, bytes, resolve, reject } of this.takeAll()) this.enqueue(change, bytes, resolve, reject)
  }

  private takeAll(): readonly Question[] {
    const { waiting } = this
    this.waiting = []
    for (const question of waiting) this.forget(question)
    return waiting
  }

  private forget({ bytes }: Question): void {
    this.deps.state.queued -= 1
    this.deps.state.inFlightBytes -= bytes
  }

  private flush(): void {
    while (!this.closed && this.waiting.length > 0 && this.underWay < MOST_UNDER_WAY) {
      const waitMs = this.health.waitMs(this.underWay)
      if (waitMs === Infinity) return
      if (waitMs > 0) {
        this.flushes.later(waitMs)
        return
      }
      void this.run(this.takeBatch())
    }
  }

  /** The oldest questions; those that are the same count once. */
  private takeBatch(): readonly Question[] {
    const most = this.oneByOne || this.isDown ? 1 : MOST_QUESTIONS
    const keys = new Set<string>()
    let count = 0
    for (; count < this.waiting.length; count++) {
      const { key } = this.waiting[count]!
      if (!keys.has(key) && keys.size === most) break
      keys.add(key)
    }
    return this.waiting.splice(0, count)
  }

  private async run(batch: readonly Question[]): Promise<void> {
    this.underWay += 1
    const { lookup } = this
    try {
      await this.answer(batch, lookup)
    } finally {
      this.underWay -= 1
      this.flush()
    }
  }

  private async answer(batch: readonly Question[], lookup: Lookup): Promise<void> {
    const byKey = Map.groupBy(batch, ({ key }) => key)
    const different = [...byKey.values()]
    const askedAtMs = this.deps.clock.monotonicMs()
    let rows: readonly (readonly LookedUp[])[]
    let connection: LookupConnection | null = null
    try {
      connection = this.connection ??= this.deps.open(lookup)
      rows = await readRows(
        connection,
        lookup,
        different.map(([first]) => first!.params),
      )
    } catch (error) {
      await this.failed(batch, different, lookup, connection, error)
      return
    }
    this.health.succeeded()
    different.forEach((questions, i) => this.settle(questions, lookup, rows[i]!, askedAtMs))
  }

  private settle(questions: readonly Question[], lookup: Lookup, rows: readonly LookedUp[], askedAtMs: number): void {
    const found = rows[0] ?? null
    if (lookup.cacheMs > 0 && rows.length < 2) this.cache.set(questions[0]!.key, found, askedAtMs + lookup.cacheMs)
    for (const question of questions) {
      this.forget(question)
      this.deps.state.ended += 1
      if (rows.length < 2) question.resolve(found)
      else question.reject(this.error('BINGO_LOOKUP_ROWS', 'its statement gives more than one row', MANY_ROWS))
    }
  }

  private async failed(
    batch: readonly Question[],
    different: readonly (readonly Question[])[],
    lookup: Lookup,
    connection: LookupConnection | null,
    error: unknown,
  ): Promise<void> {
    const failure = connection === null ? thrownFailure('down', error) : connection.failure(error)
    const answered = sqlStateOf(error) !== undefined && failure.kind !== 'down'
    if (answered && different.length > 1) {
      // Each alone tells whether one of them is to blame, or that they go together.
      for (const questions of different) await this.answer(questions, lookup)
      if (!this.isDown) this.oneByOne = !VALUE_ERROR.test(sqlStateOf(error)!)
      return
    }
    if (answered && VALUE_ERROR.test(sqlStateOf(error)!)) {
      this.health.succeeded()
      for (const question of batch) {
        this.forget(question)
        question.reject(this.error('BINGO_LOOKUP_VALUE', `the server refuses its values: ${failure.error.message}`))
      }
      return
    }
    this.down(batch, connection, failure)
  }

  /** Whatever it is, it is not the event's fault: it waits, as for a target. */
  private down(batch: readonly Question[], connection: LookupConnection | null, failure: DeliveryFailure): void {
    const error = this.error('BINGO_LOOKUP_FAILED', failure.error.message, failure.error.hint)
    if (this.connection === connection) this.disconnect()
    else void connection?.close()
    if (this.deps.whenDown === 'fail') {
      for (const question of batch) {
        this.forget(question)
        question.reject(new BingoError(error.code, error.message, { hint: error.hint, retryable: true }))
      }
      return
    }
    this.health.failed({ kind: 'down', error })
    this.waiting = [...batch, ...this.waiting]
  }

  private disconnect(): void {
    const { connection } = this
    this.connection = null
    void connection?.close()
  }

  private error(code: string, message: string, hint?: string): EvaluationError {
    const { ruleId, name, location } = this.lookup
    const place = `${location.file}:${location.line}:${location.column}`
    return new EvaluationError(code, `rule "${ruleId}": lookup.${name}: ${message} (${place})`, { hint })
  }
}

const MANY_ROWS = 'select by a unique key, or choose with ORDER BY … LIMIT 1'
