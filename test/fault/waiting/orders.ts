import { setTimeout as delay } from 'node:timers/promises'
import type { SqlServer } from '../../support/servers/mysql.ts'
import { randomFrom } from '../random.ts'

interface Order {
  /** Before it was inserted. */
  readonly from: number
  /** Its cancellation is under way. */
  isCancelling: boolean
  /** After it was committed; null: it was not. */
  cancelledAt: number | null
}

export interface OrdersVerdict {
  readonly lost: readonly number[]
  /** Reminded of although it was paid in time, or never placed, or too early: in words. */
  readonly phantoms: readonly string[]
  readonly changedIds: readonly number[]
  readonly duplicates: number
}

export interface Reminder {
  readonly order: number
  readonly id: string
  readonly at: number
}

const PAID = 0.5
/** Between two orders. */
const PAUSE_MS = 15
/** Of commit times, against the clock that is read here. */
const TOLERANCE_MS = 100
/** Clocks that are compared here show whole milliseconds. */
const GRAIN_MS = 2

export const ORDERS_TABLE = 'fault.orders'

/** Orders that are placed, and paid or not: those that are paid within the delay are not to be reminded of. */
export class Orders {
  private readonly placed = new Map<number, Order>()
  private readonly delayMs: number
  private readonly mysql: SqlServer
  private readonly random: () => number
  private readonly mayWrite: () => Promise<void>
  private stopping = false
  private running: Promise<void> | null = null

  constructor(mysql: SqlServer, delayMs: number, seed: number, mayWrite: () => Promise<void>) {
    this.mayWrite = mayWrite
    this.mysql = mysql
    this.delayMs = delayMs
    this.random = randomFrom(seed)
  }

  async prepare(): Promise<void> {
    await this.mysql.query(`CREATE TABLE ${ORDERS_TABLE} (id INT PRIMARY KEY, status VARCHAR(10) NOT NULL)`)
  }

  start(): void {
    this.running = this.place()
    this.running.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.stopping = true
    await this.running
  }

  get count(): number {
    return this.placed.size
  }

  /** Have to be reminded of. */
  due(): number[] {
    return [...this.placed].filter(([, { isCancelling }]) => !isCancelling).map(([id]) => id)
  }

  judge(reminders: readonly Reminder[]): OrdersVerdict {
    const seen = new Map<number, string>()
    const phantoms: string[] = []
    const changedIds: number[] = []
    let duplicates = 0
    for (const { order, id, at } of reminders) {
      const placed = this.placed.get(order)
      const wrong = this.wrongOf(placed, at)
      if (wrong !== null) phantoms.push(`${order}: ${wrong}`)
      if (seen.get(order) === id) duplicates += 1
      else if (seen.has(order)) changedIds.push(order)
      seen.set(order, id)
    }
    return { lost: this.due().filter((id) => !seen.has(id)), phantoms, changedIds, duplicates }
  }

  private wrongOf(order: Order | undefined, at: number): string | null {
    if (order === undefined) return 'it was never placed'
    const { from, cancelledAt } = order
    if (cancelledAt !== null && cancelledAt < from + this.delayMs - TOLERANCE_MS) {
      return `it was paid after ${cancelledAt - from} ms, and reminded of after ${at - from} ms`
    }
    return at < from + this.delayMs - GRAIN_MS ? `after ${at - from} ms` : null
  }

  private async place(): Promise<void> {
    const connection = await this.mysql.connect()
    const paying: Promise<void>[] = []
    try {
      for (let id = 1; !this.stopping; id++) {
        await this.mayWrite()
        const order: Order = { from: Date.now(), isCancelling: false, cancelledAt: null }
        await connection.query(`INSERT INTO ${ORDERS_TABLE} VALUES (${id}, 'new')`)
        this.placed.set(id, order)
        if (this.random() < PAID) paying.push(this.pay(connection, id, order))
        await delay(PAUSE_MS)
      }
      await Promise.all(paying)
    } finally {
      await connection.end()
    }
  }

  private async pay(connection: Awaited<ReturnType<SqlServer['connect']>>, id: number, order: Order): Promise<void> {
    await delay(this.random() * this.delayMs)
    order.isCancelling = true
    await connection.query(`UPDATE ${ORDERS_TABLE} SET status = 'paid' WHERE id = ${id}`)
    order.cancelledAt = Date.now()
  }
}
