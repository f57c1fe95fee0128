import { Daemon, eventually } from '../daemon.ts'
import type { startMysql } from '../servers/mysql.ts'
import type { startRedis } from '../servers/redis.ts'
import { WebhookReceiver } from '../webhook-receiver.ts'

export interface FleetOptions {
  readonly mysql: Awaited<ReturnType<typeof startMysql>>
  readonly redis: Awaited<ReturnType<typeof startRedis>>
  /** Of the instance, and of its database. */
  readonly name: string
  readonly through: string
  readonly rules?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Verdict {
  /** Versions of rows that never arrived, as `ROW:VERSION`. */
  readonly lost: readonly string[]
  /** Where a version came for the first time behind a newer one. */
  readonly disordered: readonly string[]
  /** What was never written. */
  readonly phantoms: readonly string[]
  /** What came more than once. */
  readonly repeated: readonly string[]
}

const ROWS = 40
const SHARES = 8

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

  private constructor(options: FleetOptions, receiver: WebhookReceiver) {
    this.options = options
    this.receiver = receiver
  }

  static async prepare(options: FleetOptions): Promise<Fleet> {
    await options.mysql.query(`CREATE DATABASE ${options.name}`)
    await options.mysql.query(`CREATE TABLE ${options.name}.items (id INT PRIMARY KEY, version INT, note VARCHAR(20))`)
    return new Fleet(options, await WebhookReceiver.start())
  }

  get rules(): string {
    return (
      this.options.rules ??
      `rules:
  - id: items
    table: ${this.options.name}.items
    actions: [{type: webhook, url: "${this.receiver.url}/items", body: {id: "{{id}}", version: "{{version}}", event: "{{event.id}}"}}]
`
    )
  }

  /** Starts a process with this role, and waits until it is ready. */
  async start(role: 'reader' | 'worker', env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const daemon = await this.prepareOne(role, env)
    daemon.spawn()
    await daemon.ready()
    return daemon
  }

  async prepareOne(role: 'reader' | 'worker', env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    const { mysql } = this.options
    const daemon = await Daemon.prepare({
      rules: this.rules,
      sourceUrl: mysql.url,
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

  /** Commits this many changes, each of which gives a row its next version. */
  async write(count: number): Promise<void> {
    const { mysql, name } = this.options
    for (let i = 0; i < count; i++) {
      const row = (i * 7) % ROWS
      const version = (this.written.get(row) ?? 0) + 1
      await mysql.query(
        `INSERT INTO ${name}.items VALUES (${row}, ${version}, 'x') ON DUPLICATE KEY UPDATE version = ${version}`,
      )
      this.written.set(row, version)
    }
  }

  arrived(): { readonly id: number; readonly version: number }[] {
    return this.receiver.delivered().map(({ id, version }) => ({ id: Number(id), version: Number(version) }))
  }

  async allArrived(): Promise<void> {
    await eventually('everything has arrived', () => {
      for (const daemon of this.daemons) if (daemon.endedBy === null) continue
      return this.verdict().lost.length === 0
    })
  }

  verdict(): Verdict {
    const seen = new Map<string, number>()
    const newest = new Map<number, number>()
    const disordered: string[] = []
    const phantoms: string[] = []
    for (const { id, version } of this.arrived()) {
      const name = `${id}:${version}`
      const before = seen.get(name) ?? 0
      seen.set(name, before + 1)
      if (before > 0) continue
      if (version > (this.written.get(id) ?? 0)) phantoms.push(name)
      if (version < (newest.get(id) ?? 0)) disordered.push(name)
      newest.set(id, Math.max(newest.get(id) ?? 0, version))
    }
    const lost = [...this.written].flatMap(([id, versions]) =>
      Array.from({ length: versions }, (_, i) => `${id}:${i + 1}`).filter((name) => !seen.has(name)),
    )
    const repeated = [...seen].filter(([, count]) => count > 1).map(([name]) => name)
    return { lost, disordered, phantoms, repeated }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon[Symbol.asyncDispose]()))
    await this.receiver[Symbol.asyncDispose]()
  }
}
