import { setTimeout as delay } from 'node:timers/promises'
import { Daemon, eventually } from '../support/daemon.ts'
import { redisStreamRules } from './recorders/redis-stream.ts'
import { checkpointUrl, Rig } from './rig.ts'
import type { ScenarioContext } from './scenario.ts'

export type LeaseKind = 'redis' | 'mysql'

const TAKEOVER_TIMEOUT_MS = 60_000

/** Two daemons of one name: one leads, the other waits. Their rules say which of them sent what. */
export class Pair implements AsyncDisposable {
  readonly rig: Rig
  readonly ttlMs: number
  leader: Daemon
  standby: Daemon

  private constructor(rig: Rig, standby: Daemon, ttlMs: number) {
    this.rig = rig
    this.leader = rig.daemon
    this.standby = standby
    this.ttlMs = ttlMs
  }

  static async start(context: ScenarioContext, lease: LeaseKind, ttlMs: number): Promise<Pair> {
    const env = { BINGO_STANDBY_LEASE: lease, BINGO_STANDBY_TTL: `${ttlMs}ms` }
    await using stack = new AsyncDisposableStack()
    const rig = stack.use(await Rig.start(context, { daemon: { env, rules: redisStreamRules('one') } }))
    const standby = stack.use(
      await Daemon.prepare({
        rules: redisStreamRules('two'),
        sourceUrl: rig.mysql.url,
        env: { ...env, ...rig.recorder.env, BINGO_CHECKPOINT_STORE: checkpointUrl(rig.redis) },
      }),
    )
    context.evidence.watch(standby)
    const pair = new Pair(rig, standby, ttlMs)
    standby.spawn()
    await pair.waits(standby)
    stack.move()
    return pair
  }

  /** Whether it is a standby, and says so. */
  async waits(daemon: Daemon): Promise<void> {
    const isWaiting = async () => (await daemon.reasons()).includes('BINGO_STANDBY')
    await eventually('the standby waits', isWaiting, TAKEOVER_TIMEOUT_MS)
  }

  /** Waits until the standby leads; answers the seconds. From then on the names are swapped. */
  async takeover(): Promise<number> {
    const from = performance.now()
    while (!(await this.standby.isReady())) {
      if (performance.now() - from > TAKEOVER_TIMEOUT_MS) throw new Error(`no takeover:\n${this.standby.output()}`)
      await delay(20)
    }
    ;[this.leader, this.standby] = [this.standby, this.leader]
    return (performance.now() - from) / 1_000
  }

  nameOf(daemon: Daemon): string {
    return daemon === this.rig.daemon ? 'one' : 'two'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of [this.leader, this.standby]) daemon.signal('SIGCONT')
    await (this.leader === this.rig.daemon ? this.standby : this.leader)[Symbol.asyncDispose]()
    await this.rig[Symbol.asyncDispose]()
  }
}
