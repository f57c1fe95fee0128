import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { openEventProvider } from '../../../src/log/open.ts'
import { Daemon } from '../../support/daemon.ts'
import { entriesOf } from '../../support/events/new-event.ts'
import { startRedis } from '../../support/servers/redis.ts'
import type { RedisServer } from '../../support/servers/redis.ts'
import { checkpointUrl } from '../rig.ts'
import type { Outcome, ScenarioContext } from '../scenario.ts'
import { Poster } from './poster.ts'
import { judgeEvents } from './verdict.ts'
import type { Effect, EventVerdict, Logged } from './verdict.ts'

export interface EventRigOptions {
  /** Address of the store; default: a file. */
  readonly store?: string
  readonly writers?: number
  readonly pauseMs?: number
  /** Daemons that share the store. */
  readonly instances?: number
}

const STREAM = 'effects'
const PAGE = 10_000
const HEAL_TIMEOUT_MS = 300_000
const POLL_MS = 50

const rules = (by: string): string => `rules:
  - id: effects
    on: "fault.**"
    actions:
      - type: redis
        cmd: XADD
        key: ${STREAM}
        fields: {id: "{{event.id}}", key: "{{event.key}}", v: "{{payload.v}}", by: "${by}"}
`

/** Daemons that take posts in and note the effects in a Redis; a poster; and whoever judges at the end. */
export class EventRig implements AsyncDisposable {
  readonly redis: RedisServer
  readonly daemons: readonly Daemon[]
  readonly poster: Poster
  /** Asked nothing, since they would not answer. */
  readonly away = new Set<Daemon>()
  readonly store: string
  private readonly client: Redis
  private readonly context: ScenarioContext
  private readonly stack: AsyncDisposableStack
  private readonly seen: Effect[] = []
  private last = '-'
  private nextDaemon = 0

  private constructor(
    parts: Pick<EventRig, 'redis' | 'daemons' | 'store'>,
    // Some 500 events a second: a kill finds some at each moment, and the verdict has no more to read than that.
    { writers = 6, pauseMs = 10 }: EventRigOptions,
    context: ScenarioContext,
    stack: AsyncDisposableStack,
  ) {
    this.redis = parts.redis
    this.daemons = parts.daemons
    this.store = parts.store
    this.context = context
    this.stack = stack
    this.client = new Redis(this.redis.port, this.redis.host, { maxRetriesPerRequest: null, enableReadyCheck: false })
    this.client.on('error', () => undefined)
    this.poster = new Poster({ url: () => this.nextUrl(), seed: context.seed, writers, pauseMs })
  }

  /** Nothing runs yet. */
  static async prepare(context: ScenarioContext, options: EventRigOptions = {}): Promise<EventRig> {
    await using stack = new AsyncDisposableStack()
    const redis = stack.use(await startRedis({}))
    const store = options.store ?? `file:${join(await folderOf(stack), 'events')}`
    const daemons: Daemon[] = []
    for (let i = 0; i < (options.instances ?? 1); i++) {
      const name = `instance-${i}`
      const daemon = stack.use(
        await Daemon.prepare({
          rules: '',
          sourceUrl: '',
          env: {
            BINGO_NAME: name,
            BINGO_EVENTS_ENVIRONMENTS: 'default',
            BINGO_REDIS_URL: redis.url,
            BINGO_CHECKPOINT_STORE: checkpointUrl(redis),
            BINGO_EVENTS_STORE: store,
          },
          failpoints: 'events',
        }),
      )
      await writeFile(daemon.rulesFile, rules(name))
      context.evidence.watch(daemon)
      daemons.push(daemon)
    }
    return new EventRig({ redis, daemons, store }, options, context, stack.move())
  }

  /** What arrived so far; the same array, grown, at every call. */
  async effects(): Promise<readonly Effect[]> {
    for (;;) {
      const entries = await this.client.xrange(STREAM, this.last, '+', 'COUNT', PAGE)
      for (const [id, fields] of entries) {
        this.seen.push(effectOf(fields))
        this.last = `(${id}`
      }
      if (entries.length < PAGE) return this.seen
    }
  }

  /**
   * Stops the poster, waits until everything has arrived, and judges. Call when nothing is broken any more and a daemon
   * is ready. All daemons are stopped at the end: a file can be read by one process.
   */
  async outcome(
    fault: string,
    runs: number,
    more: { readonly problems?: readonly string[]; readonly notes?: string } = {},
  ): Promise<Outcome> {
    await this.poster.stop()
    const healedFrom = performance.now()
    const deadline = healedFrom + HEAL_TIMEOUT_MS
    await this.allArrived(deadline)
    const secondsToHeal = (performance.now() - healedFrom) / 1_000
    const problems = [...(more.problems ?? []), ...this.poster.problems, ...(await this.unended(deadline))]
    for (const daemon of this.daemons) await daemon.stop()
    const logged = await this.logged()
    const verdict = judgeEvents(this.poster.fates, logged, await this.effects())
    const { lost, doubled, reordered, phantoms, duplicates } = verdict
    if (lost.length + doubled.length + reordered.length + phantoms.length + problems.length > 0) {
      await this.keep(fault, verdict, logged)
    }
    return {
      fault,
      runs,
      changes: this.poster.answered,
      lost: lost.length,
      reordered: reordered.length,
      phantom: phantoms.length + doubled.length,
      duplicates,
      secondsToHeal,
      ...(more.notes !== undefined && { notes: more.notes }),
      problems,
    }
  }

  /** Resolves when everything that was answered so far has its effect, or at the deadline. */
  async allArrived(deadline = performance.now() + HEAL_TIMEOUT_MS): Promise<void> {
    const due = [...this.poster.fates].filter(([, { fate }]) => fate === 'posted').map(([id]) => id)
    const arrived = async (): Promise<boolean> => {
      const seen = new Set((await this.effects()).map(({ id }) => id))
      // One that waits may be cancelled meanwhile.
      return due.every((id) => seen.has(id) || this.poster.fates.get(id)!.fate !== 'posted')
    }
    while (!(await arrived()) && performance.now() < deadline) await delay(POLL_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect()
    await this.stack.disposeAsync()
  }

  /** Events that nobody works on any more, and that have no end. */
  private async unended(deadline: number): Promise<string[]> {
    for (;;) {
      const left: string[] = []
      for (const status of ['pending', 'processing']) left.push(...(await this.withStatus(status)))
      if (left.length === 0) return []
      if (performance.now() > deadline) return [`${left.length} events have no end: ${left.slice(0, 5).join(', ')}`]
      await delay(POLL_MS)
    }
  }

  private async withStatus(status: string): Promise<string[]> {
    const response = await fetch(`${this.nextUrl()}/api/v1/events?status=${status}&limit=100`).catch(() => null)
    if (response?.status !== 200) return ['(the API does not answer)']
    return ((await response.json()) as { events: { id: string }[] }).events.map(({ id }) => id)
  }

  private async logged(): Promise<readonly Logged[]> {
    const provider = await openEventProvider(this.store, { name: 'judge' })
    try {
      return (await entriesOf(provider)).map(({ id, key }) => ({ id, key }))
    } finally {
      await provider.close()
    }
  }

  /** In turn. */
  private nextUrl(): string {
    const there = this.daemons.filter((daemon) => !this.away.has(daemon))
    this.nextDaemon += 1
    return `http://127.0.0.1:${there[this.nextDaemon % there.length]!.adminPort}`
  }

  private async keep(fault: string, verdict: EventVerdict, logged: readonly Logged[]): Promise<void> {
    const { evidence } = this.context
    const name = fault.replaceAll(/[^\w.-]+/g, '-')
    await evidence.write(`${name}.verdict.json`, JSON.stringify(verdict, null, 1))
    await evidence.write(`${name}.posted.json`, JSON.stringify(Object.fromEntries(this.poster.fates)))
    await evidence.write(`${name}.log.json`, JSON.stringify(logged))
    await evidence.write(`${name}.effects.json`, JSON.stringify(this.seen))
    for (const [i, daemon] of this.daemons.entries()) await evidence.daemon(`${name}.daemon-${i}`, daemon)
  }
}

async function folderOf(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-events-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function effectOf(fields: readonly string[]): Effect {
  const value = (name: string): string => fields[fields.indexOf(name) + 1]!
  return { id: value('id'), key: value('key'), v: Number(value('v')), by: value('by') }
}
