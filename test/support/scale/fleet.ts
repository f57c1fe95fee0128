import { Daemon, eventually } from '../daemon.ts'
import type { startMysql } from '../servers/mysql.ts'
import type { startRedis } from '../servers/redis.ts'
import { WebhookReceiver } from '../webhook-receiver.ts'

export interface FleetOptions {
  readonly mysql: Awaited<ReturnType<typeof startMysql>>
  /** Of the state. */
  readonly redis: Awaited<ReturnType<typeof startRedis>>
  /** Of the instance, and of its database. */
  readonly name: string
  readonly through: string
  /** Beside the two of the fleet: YAML of list items. */
  readonly rules?: (receiver: string) => string
  readonly env?: Readonly<Record<string, string>>
}

export interface Verdict {
  /** Versions of rows that never arrived, as `RULE:ROW:VERSION`. */
  readonly lost: readonly string[]
  /** A version that came for the first time behind a newer one. */
  readonly disordered: readonly string[]
  /** What was never written, or came under two ids. */
  readonly phantoms: readonly string[]
  /** What came more than once. */
  readonly repeated: readonly string[]
}

const ROWS = 40
const CUSTOMERS = 10
const SHARES = 8
/** Of the rule that is ordered by row, and of the one that is ordered by a column that changes. */
const RULES = ['items', 'moves'] as const

/**
 * A reader and workers as processes of their own, with one database, one log and a web server that notes what arrives: each
 * row has a version that grows, so what was lost, repeated or overtaken is seen.
 */
export class Fleet implements AsyncDisposable {
  readonly daemons: Daemon[] = []
  readonly options: FleetOptions
  readonly receiver: WebhookReceiver
  /** By row: the newest version that was committed. */
  readonly written = new Map<number, number>()
  private next = 0

  private constructor(options: FleetOptions, receiver: WebhookReceiver) {
    this.options = options
    this.receiver = receiver
  }

  static async prepare(options: FleetOptions): Promise<Fleet> {
    const { mysql, name } = options
    await mysql.query(`CREATE DATABASE ${name}`)
    await mysql.query(`CREATE TABLE ${name}.items (id INT PRIMARY KEY, version INT, customer INT)`)
    return new Fleet(options, await WebhookReceiver.start())
  }

  get rules(): string {
    const { name, rules } = this.options
    const own = RULES.map(
      (rule) => `  - id: ${rule}
    table: ${name}.items
    events: [INSERT, UPDATE]
    ${rule === 'moves' ? 'key: "{{customer}}"\n    ' : ''}actions: [{type: webhook, url: "${this.receiver.url}/${rule}", body: {id: "{{id}}", version: "{{version}}", event: "{{event.id}}"}}]`,
    )
    return `rules:\n${own.join('\n')}\n${rules?.(this.receiver.url) ?? ''}`
  }

  /** Starts a process with this role, and waits until it is ready. */
  async start(role: 'reader' | 'worker', env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const daemon = await this.prepareOne(role, env)
    daemon.spawn()
    await daemon.ready()
    return daemon
  }

  async prepareOne(role: 'reader' | 'worker', env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const daemon = await Daemon.prepare({
      rules: this.rules,
      sourceUrl: this.options.mysql.url,
      env: { ...this.settings, BINGO_SCALE_ROLE: role, ...this.options.env, ...env },
    })
    this.daemons.push(daemon)
    return daemon
  }

  get settings(): Readonly<Record<string, string>> {
    const { name, redis, through } = this.options
    return {
      BINGO_NAME: name,
      BINGO_CHECKPOINT_STORE: redis.url,
      BINGO_SCALE_THROUGH: through,
      BINGO_SCALE_SHARES: String(SHARES),
      BINGO_STANDBY_TTL: '3s',
      BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8',
      BINGO_CHECKPOINT_INTERVAL: '50ms',
    }
  }

  envOf(daemon: Daemon): Record<string, string> {
    return {
      ...this.settings,
      BINGO_SOURCE_URL: this.options.mysql.url,
      BINGO_RULES: daemon.rulesFile,
      BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}`,
    }
  }

  async shares(daemon: Daemon): Promise<number> {
    return (await daemon.metric('bingo_scale_shares').catch(() => undefined)) ?? 0
  }

  /** Commits this many changes, each of which gives a row its next version, and one of ten another customer. */
  async write(count: number): Promise<void> {
    const { mysql, name } = this.options
    for (let i = 0; i < count; i++) {
      const number = this.next++
      const row = (number * 7) % ROWS
      const version = (this.written.get(row) ?? 0) + 1
      const customer = (row + Math.floor(number / 10) * Number(number % 10 === 0)) % CUSTOMERS
      const moves = number % 10 === 0 ? `, customer = ${customer}` : ''
      await mysql.query(
        `INSERT INTO ${name}.items VALUES (${row}, ${version}, ${customer}) ON DUPLICATE KEY UPDATE version = ${version}${moves}`,
      )
      this.written.set(row, version)
    }
  }

  /** Committed changes, once for each rule that has to act on them. */
  get changes(): number {
    return RULES.length * [...this.written.values()].reduce((sum, versions) => sum + versions, 0)
  }

  allArrived(timeoutMs?: number): Promise<void> {
    return eventually('everything has arrived', () => this.verdict().lost.length === 0, timeoutMs)
  }

  verdict(): Verdict {
    const seen = new Map<string, { count: number; readonly event: string }>()
    const newest = new Map<string, number>()
    const disordered: string[] = []
    const phantoms: string[] = []
    for (const { rule, id, version, event } of this.arrived()) {
      const name = `${rule}:${id}:${version}`
      const before = seen.get(name)
      if (before !== undefined) {
        before.count += 1
        if (before.event !== event) phantoms.push(name)
        continue
      }
      seen.set(name, { count: 1, event })
      if (version > (this.written.get(id) ?? 0) + 1) phantoms.push(name)
      const last = newest.get(`${rule}:${id}`) ?? 0
      if (version < last) disordered.push(name)
      newest.set(`${rule}:${id}`, Math.max(last, version))
    }
    const lost = RULES.flatMap((rule) =>
      [...this.written].flatMap(([id, versions]) =>
        Array.from({ length: versions }, (_, i) => `${rule}:${id}:${i + 1}`).filter((name) => !seen.has(name)),
      ),
    )
    const repeated = [...seen].filter(([, { count }]) => count > 1).map(([name]) => name)
    return { lost, disordered, phantoms, repeated }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon[Symbol.asyncDispose]()))
    await this.receiver[Symbol.asyncDispose]()
  }

  private arrived() {
    return this.receiver.requests
      .filter(({ status, path }) => status < 300 && RULES.some((rule) => path === `/${rule}`))
      .map(({ path, body }) => {
        const { id, version, event } = JSON.parse(body) as { id: number; version: number; event: string }
        return { rule: path.slice(1), id: Number(id), version: Number(version), event }
      })
  }
}
