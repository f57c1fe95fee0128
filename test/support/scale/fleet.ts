import { Daemon, eventually } from '../daemon.ts'
import type { startMysql } from '../servers/mysql.ts'
import type { startRedis } from '../servers/redis.ts'
import { WebhookReceiver } from '../webhook-receiver.ts'

export interface FleetOptions {
  readonly mysql: Awaited<ReturnType<typeof startMysql>>
  /** Of the state, where `state` names no other place. */
  readonly redis: Awaited<ReturnType<typeof startRedis>>
  /** Address of the store of checkpoints. */
  readonly state?: string
  /** Of the instance, and of its database. */
  readonly name: string
  readonly through: string
  /** Beside the two of the fleet: YAML of list items. */
  readonly rules?: (receiver: string) => string
  readonly env?: Readonly<Record<string, string>>
  /** Of leases. Short by default, for who waits for that of a killed one. */
  readonly ttl?: string
}

type Role = 'all' | 'reader' | 'worker'

/** Of leases where nobody is killed: a machine that stalls must not cost one, after which changes may come twice. */
export const LONG_TTL = '60s'

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
  private read = 0
  /** By `RULE:ROW:VERSION`: the id of the event that came first. */
  private readonly seen = new Map<string, string>()
  /** By `RULE:ROW`. */
  private readonly newest = new Map<string, number>()
  private readonly disordered: string[] = []
  private readonly phantoms = new Set<string>()
  private readonly repeated = new Set<string>()

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

  /** Starts a process with this role (`all`: one process for everything), and waits until it is ready. */
  async start(role: Role, env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const daemon = await this.prepareOne(role, env)
    daemon.spawn()
    await daemon.ready()
    return daemon
  }

  async prepareOne(role: Role, env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const daemon = await Daemon.prepare({
      rules: this.rules,
      sourceUrl: this.options.mysql.url,
      env: { ...this.settings, BINGO_SCALE_ROLE: role, ...this.options.env, ...env },
    })
    this.daemons.push(daemon)
    return daemon
  }

  get settings(): Readonly<Record<string, string>> {
    const { name, redis, state, through, ttl = '3s' } = this.options
    return {
      BINGO_NAME: name,
      BINGO_CHECKPOINT_STORE: state ?? redis.url,
      BINGO_SCALE_THROUGH: through,
      BINGO_SCALE_SHARES: String(SHARES),
      BINGO_STANDBY_TTL: ttl,
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

  /** Waits until each share has one of these workers, and says what they had where that does not come. */
  async allShared(workers: readonly Daemon[]): Promise<void> {
    let parts: readonly number[] = []
    const isShared = async (): Promise<boolean> => {
      parts = await Promise.all(workers.map((worker) => this.shares(worker)))
      return parts.reduce((sum, each) => sum + each, 0) === SHARES
    }
    await eventually('all shares have a worker', isShared).catch((error: Error) => {
      const said = workers.map((worker) => worker.output()).join('\n\n')
      throw new Error(`${error.message}, but ${parts.join(', ')}:\n${said}`)
    })
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
    const isThere = (): boolean => {
      this.readOn()
      return this.seen.size >= this.changes && this.verdict().lost.length === 0
    }
    return eventually('everything has arrived', isThere, timeoutMs)
  }

  verdict(): Verdict {
    this.readOn()
    const beyond = [...this.newest].filter(
      ([row, version]) => version > (this.written.get(Number(row.split(':')[1])) ?? 0) + 1,
    )
    const lost = RULES.flatMap((rule) =>
      [...this.written].flatMap(([id, versions]) =>
        Array.from({ length: versions }, (_, i) => `${rule}:${id}:${i + 1}`).filter((name) => !this.seen.has(name)),
      ),
    )
    return {
      lost,
      disordered: [...this.disordered],
      phantoms: [...this.phantoms, ...beyond.map(([row, version]) => `${row}:${version}`)],
      repeated: [...this.repeated],
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon[Symbol.asyncDispose]()))
    await this.receiver[Symbol.asyncDispose]()
  }

  /**
   * Each request is read once: a long run has hundreds of thousands, and whoever looks through all of them while it waits keeps
   * the receiver from answering.
   */
  private readOn(): void {
    const { requests } = this.receiver
    for (; this.read < requests.length; this.read++) {
      const { status, path, body } = requests[this.read]!
      if (status >= 300 || !RULES.some((rule) => path === `/${rule}`)) continue
      const { id, version, event } = JSON.parse(body) as { id: number; version: number; event: string }
      this.arrived(`${path.slice(1)}:${id}`, Number(version), event)
    }
  }

  private arrived(row: string, version: number, event: string): void {
    const name = `${row}:${version}`
    const before = this.seen.get(name)
    if (before !== undefined) {
      this.repeated.add(name)
      if (before !== event) this.phantoms.add(name)
      return
    }
    this.seen.set(name, event)
    const last = this.newest.get(row) ?? 0
    if (version < last) this.disordered.push(`${name} behind ${last}`)
    this.newest.set(row, Math.max(last, version))
  }
}
