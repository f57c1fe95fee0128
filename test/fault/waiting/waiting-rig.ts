import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Daemon } from '../../support/daemon.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { startRedis } from '../../support/servers/redis.ts'
import type { RedisServer } from '../../support/servers/redis.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import { ANY_REPLAY, Coverage, judge } from '../checker.ts'
import type { Arrival, Verdict } from '../checker.ts'
import { checkpointUrl } from '../rig.ts'
import type { Outcome, ScenarioContext } from '../scenario.ts'
import { Writer } from '../writer.ts'
import { Orders } from './orders.ts'
import type { OrdersVerdict, Reminder } from './orders.ts'
import { DELAY_MS, RULES_OF_ROWS, STREAM, waitingRules } from './rules.ts'
import { Throttle } from './throttle.ts'

const PAGE = 10_000
const HEAL_TIMEOUT_MS = 300_000
const POLL_MS = 50
/** Changes that have not arrived by every rule: beyond them nothing more is written, however slow the machine is. */
const MOST_BEHIND = 400
const NOBODY = { host: '127.0.0.1', port: 1 }

/**
 * A daemon in which everything waits that can: rules with a delay, a target that is down at times, both at once, and
 * reminders that are cancelled; beside them a rule that nothing holds up.
 */
export class WaitingRig implements AsyncDisposable {
  readonly daemon: Daemon
  readonly redis: RedisServer
  readonly writer: Writer
  readonly orders: Orders
  private readonly proxy: TcpProxy
  private readonly throttle: Throttle
  private readonly coverage = new Map(RULES_OF_ROWS.map((rule) => [rule, new Coverage()]))
  private readonly client: Redis
  private readonly context: ScenarioContext
  private readonly stack: AsyncDisposableStack
  private readonly byRule = new Map<string, Arrival[]>()
  private readonly reminders: Reminder[] = []
  private last = '-'
  private reading: Promise<void> | null = null

  private constructor(
    parts: Pick<WaitingRig, 'daemon' | 'redis' | 'writer' | 'orders'> & {
      readonly proxy: TcpProxy
      readonly throttle: Throttle
    },
    context: ScenarioContext,
    stack: AsyncDisposableStack,
  ) {
    this.daemon = parts.daemon
    this.redis = parts.redis
    this.writer = parts.writer
    this.orders = parts.orders
    this.proxy = parts.proxy
    this.throttle = parts.throttle
    this.context = context
    this.stack = stack
    for (const rule of RULES_OF_ROWS) this.byRule.set(rule, [])
    this.client = new Redis(this.redis.port, this.redis.host, { maxRetriesPerRequest: null, enableReadyCheck: false })
    this.client.on('error', () => undefined)
  }

  /** Ready, with everything being written. */
  static async start(context: ScenarioContext, store: 'file' | 'redis'): Promise<WaitingRig> {
    await using stack = new AsyncDisposableStack()
    const [mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({})])
    stack.use(mysql)
    stack.use(redis)
    const proxy = stack.use(await TcpProxy.start(redis))
    const throttle = new Throttle()
    const mayWrite = (): Promise<void> => throttle.open()
    const writer = new Writer({
      connect: () => mysql.connect(),
      seed: context.seed,
      sessions: 2,
      keys: 20,
      pauseMs: 10,
      ddlPauseMs: 1_000,
      mayWrite,
    })
    stack.defer(() => writer.stop().catch(() => undefined))
    await writer.prepare()
    const orders = new Orders(mysql, DELAY_MS, context.seed, mayWrite)
    stack.defer(() => orders.stop().catch(() => undefined))
    await orders.prepare()
    const folder = await mkdtemp(join(tmpdir(), 'bingo-waiting-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const daemon = stack.use(
      await Daemon.prepare({
        rules: '',
        sourceUrl: mysql.url,
        env: {
          BINGO_REDIS_URL: redis.url,
          BINGO_CHECKPOINT_STORE: checkpointUrl(redis),
          BINGO_SPOOL_AFTER: '100ms',
          // What waits is kept where the dead letters are, which by itself would be beside the checkpoint.
          BINGO_DEAD_LETTERS_STORE: store === 'redis' ? checkpointUrl(redis) : `file:${join(folder, 'waiting')}`,
        },
        failpoints: 'waiting',
      }),
    )
    await writeFile(daemon.rulesFile, waitingRules(`redis://127.0.0.1:${proxy.port}`))
    context.evidence.watch(daemon)
    daemon.spawn()
    await daemon.ready()
    await writer.insertRows()
    return new WaitingRig({ daemon, redis, writer, orders, proxy, throttle }, context, stack.move())
  }

  write(): void {
    this.writer.start()
    this.orders.start()
    const look = async (): Promise<void> => {
      const [final, arrived] = [await this.writer.finalState(), await this.arrivedByAll()]
      this.throttle.set(sumOf(final) - arrived > MOST_BEHIND)
    }
    this.throttle.watch(look)
  }

  /** The target of two of the rules. */
  target(is: 'up' | 'down'): void {
    this.proxy.repoint(is === 'up' ? this.redis : NOBODY)
    if (is === 'down') this.proxy.cut()
  }

  /** Reloads the rules with another delay of the rows, as a share of the first one. */
  async useDelay(share: number): Promise<void> {
    await writeFile(this.daemon.rulesFile, waitingRules(`redis://127.0.0.1:${this.proxy.port}`, DELAY_MS * share))
  }

  /** Stops what writes, waits until everything has arrived, and judges. */
  async outcome(fault: string, runs: number, problems: readonly string[]): Promise<Outcome> {
    this.target('up')
    await this.throttle.end()
    await Promise.all([this.writer.stop(), this.orders.stop()])
    const healedFrom = performance.now()
    const final = await this.writer.finalState()
    const changes = sumOf(final)
    await this.arrived(changes, healedFrom + HEAL_TIMEOUT_MS)
    const secondsToHeal = (performance.now() - healedFrom) / 1_000
    const verdicts = new Map<string, Verdict>()
    for (const [rule, arrivals] of this.byRule) verdicts.set(rule, judge(arrivals, final, [ANY_REPLAY]))
    const orders = this.orders.judge(this.reminders)
    const all = [...verdicts.values()]
    const sum = (count: (verdict: Verdict) => number): number => all.reduce((total, each) => total + count(each), 0)
    const outcome: Outcome = {
      fault,
      runs,
      changes: changes * RULES_OF_ROWS.length + this.orders.count,
      lost: sum(({ lost }) => lost.length) + orders.lost.length,
      reordered: sum(({ reordered }) => reordered.length),
      phantom:
        sum(({ phantoms, changedIds }) => phantoms.length + changedIds.length) +
        orders.phantoms.length +
        orders.changedIds.length,
      duplicates: sum(({ duplicates }) => duplicates) + orders.duplicates,
      secondsToHeal,
      notes: `${this.orders.count} orders, ${this.orders.count - this.orders.due().length} paid`,
      problems,
    }
    if (outcome.lost + outcome.reordered + outcome.phantom + problems.length > 0) {
      await this.keep(fault, verdicts, orders, final)
    }
    return outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.throttle.end()
    this.client.disconnect()
    await this.stack.disposeAsync()
  }

  private async arrived(changes: number, deadline: number): Promise<void> {
    const due = this.orders.due()
    for (;;) {
      const all = (await this.arrivedByAll()) >= changes
      const reminded = new Set(this.reminders.map(({ order }) => order))
      if ((all && due.every((id) => reminded.has(id))) || performance.now() > deadline) return
      await delay(POLL_MS)
    }
  }

  /** Changes that the slowest rule has sent. */
  private async arrivedByAll(): Promise<number> {
    this.reading ??= this.read().finally(() => (this.reading = null))
    await this.reading
    return Math.min(...[...this.coverage].map(([rule, each]) => each.follow(this.byRule.get(rule)!)))
  }

  private async read(): Promise<void> {
    for (;;) {
      const entries = await this.client.xrange(STREAM, this.last, '+', 'COUNT', PAGE)
      for (const [entry, fields] of entries) {
        this.last = `(${entry}`
        this.note(Number(entry.split('-')[0]), fields)
      }
      if (entries.length < PAGE) return
    }
  }

  private note(at: number, fields: readonly string[]): void {
    const value = (name: string): string => fields[fields.indexOf(name) + 1]!
    const [rule, key, id, op] = [value('rule'), value('key'), value('id'), value('op')]
    if (rule === 'reminded') this.reminders.push({ order: Number(key), id, at })
    else this.byRule.get(rule)!.push({ key, seq: Number(value('seq')) + (op === 'delete' ? 1 : 0), id, op })
  }

  private async keep(
    fault: string,
    verdicts: ReadonlyMap<string, Verdict>,
    orders: OrdersVerdict,
    final: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { evidence } = this.context
    const name = fault.replaceAll(/[^\w.-]+/g, '-')
    await evidence.write(`${name}.verdict.json`, JSON.stringify({ ...Object.fromEntries(verdicts), orders }, null, 1))
    for (const [rule, arrivals] of this.byRule) await evidence.history(`${name}.${rule}`, arrivals, final)
    await evidence.write(`${name}.reminders.json`, JSON.stringify(this.reminders))
    await evidence.daemon(`${name}.daemon`, this.daemon)
  }
}

function sumOf(final: ReadonlyMap<string, number>): number {
  return [...final.values()].reduce((sum, seq) => sum + seq, 0)
}
