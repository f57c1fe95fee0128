import { setTimeout as delay } from 'node:timers/promises'
import { MysqlGtidSet } from '../../src/sources/mysql/gtid/gtid-set.ts'
import { Daemon } from '../support/daemon.ts'
import type { DaemonOptions } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { Coverage, isClean, judge } from './checker.ts'
import type { Replay, Verdict } from './checker.ts'
import type { Recorder } from './recorders/recorder.ts'
import { RedisStreamRecorder } from './recorders/redis-stream.ts'
import type { Outcome, ScenarioContext } from './scenario.ts'
import { Writer } from './writer.ts'
import type { WriterOptions } from './writer.ts'

export interface RigOptions {
  /** Where changes are recorded; default: a stream of the Redis that holds the checkpoint as well. */
  readonly recorder?: (servers: RigServers) => Promise<Recorder>
  /** What is written to and read from; default: a MySQL with GTIDs. The rig stops it. */
  readonly database?: () => Promise<SqlServer>
  readonly mysqlArgs?: readonly string[]
  readonly redisArgs?: readonly string[]
  readonly daemon?: Partial<DaemonOptions>
  /** The same where it depends on the servers (a proxy before one of them). */
  readonly daemonFor?: (servers: RigServers) => Promise<Partial<DaemonOptions>>
  readonly writer?: Partial<WriterOptions>
}

export interface RigServers {
  readonly mysql: SqlServer
  readonly redis: RedisServer
}

export interface OutcomeExtras {
  readonly notes?: string
  readonly problems?: readonly string[]
  /** Duplicates are explained by more than restarts: answers were lost on the way. */
  readonly explained?: boolean
  /** The daemon that leads, where it is another than the rig's own. */
  readonly daemon?: Daemon
}

/** How long everything may take to arrive once nothing is broken any more. */
const HEAL_TIMEOUT_MS = 600_000
const POLL_MS = 50

/**
 * What most scenarios need: a MySQL with GTIDs, a Redis for the checkpoint, a recording target, the daemon, and a writer
 * that has filled its tables. Break something, then call `outcome`.
 */
export class Rig implements AsyncDisposable {
  readonly mysql: SqlServer
  readonly redis: RedisServer
  readonly recorder: Recorder
  readonly daemon: Daemon
  readonly writer: Writer
  readonly replays: Replay[] = []
  private readonly context: ScenarioContext
  private readonly stack: AsyncDisposableStack

  private constructor(
    parts: RigServers & { recorder: Recorder; daemon: Daemon; writer: Writer },
    context: ScenarioContext,
    stack: AsyncDisposableStack,
  ) {
    this.mysql = parts.mysql
    this.redis = parts.redis
    this.recorder = parts.recorder
    this.daemon = parts.daemon
    this.writer = parts.writer
    this.context = context
    this.stack = stack
  }

  static async start(context: ScenarioContext, options: RigOptions = {}): Promise<Rig> {
    await using stack = new AsyncDisposableStack()
    const [mysql, redis] = await Promise.all([
      options.database?.() ?? startMysql({ gtid: true, args: options.mysqlArgs ?? [] }),
      startRedis({ args: options.redisArgs ?? [] }),
    ])
    stack.use(mysql)
    stack.use(redis)
    const open = options.recorder ?? (async (servers: RigServers) => new RedisStreamRecorder(servers.redis))
    const recorder = stack.use(await open({ mysql, redis }))
    const writer = new Writer({
      connect: () => mysql.connect(),
      seed: context.seed,
      sessions: 4,
      keys: 40,
      pauseMs: 2,
      ddlPauseMs: 400,
      ...options.writer,
    })
    stack.defer(() => writer.stop().catch(() => undefined))
    await writer.prepare()
    const more = { ...options.daemon, ...(await options.daemonFor?.({ mysql, redis })) }
    const daemon = await Daemon.prepare({
      rules: recorder.rules,
      sourceUrl: mysql.url,
      ...more,
      env: { BINGO_CHECKPOINT_STORE: checkpointUrl(redis), ...recorder.env, ...more.env },
    })
    stack.use(daemon)
    context.evidence.watch(daemon)
    daemon.spawn()
    await daemon.ready()
    await writer.insertRows()
    return new Rig({ mysql, redis, recorder, daemon, writer }, context, stack.move())
  }

  /** kill -9 under whatever load there is, noting what the next start may repeat. */
  async kill(): Promise<void> {
    await this.daemon.stop('SIGKILL')
    await this.noteReplay()
  }

  /** From here on everything behind the stored checkpoint may come again. Call while no daemon runs. */
  async noteReplay(): Promise<void> {
    const { length } = await this.recorder.arrivals()
    const executed = MysqlGtidSet.parse(await this.checkpointGtids())
    this.replays.push({ fromIndex: length, passed: (id) => executed.contains(id.slice(0, id.lastIndexOf('/'))) })
  }

  /** GTID set of the checkpoint in Redis; empty before the first save. */
  async checkpointGtids(): Promise<string> {
    const stored = (await this.redis.cli('-n', '1', '--raw', 'GET', 'bingo:{bingo}:checkpoint')).trim()
    if (stored === '') return ''
    return (JSON.parse(stored) as { position: { gtidSet: string | null } }).position.gtidSet ?? ''
  }

  /**
   * Stops the writer, waits until everything has arrived, judges, and keeps the evidence of a bad run. Call when nothing
   * is broken any more and the daemon is ready.
   */
  async outcome(fault: string, runs: number, more: OutcomeExtras = {}): Promise<Outcome> {
    await this.writer.stop()
    const healedFrom = performance.now()
    const final = await this.writer.finalState()
    const replays = more.explained === true ? undefined : this.replays
    const deadline = healedFrom + HEAL_TIMEOUT_MS
    const changes = [...final.values()].reduce((sum, last) => sum + last, 0)
    const coverage = new Coverage()
    while (coverage.follow(await this.recorder.arrivals()) < changes && performance.now() < deadline) {
      await delay(POLL_MS)
    }
    const secondsToHeal = (performance.now() - healedFrom) / 1_000
    const problems = [...(more.problems ?? []), ...(await stillUnderWay(more.daemon ?? this.daemon, deadline))]
    const verdict = judge(await this.recorder.arrivals(), final, replays)
    if (!isClean(verdict) || problems.length > 0) await this.keep(fault, verdict, final)
    return {
      fault,
      runs,
      changes,
      lost: verdict.lost.length,
      reordered: verdict.reordered.length,
      phantom: verdict.phantoms.length + verdict.changedIds.length,
      duplicates: verdict.duplicates,
      strayDuplicates: verdict.stray.length,
      secondsToHeal,
      ...(more.notes !== undefined && { notes: more.notes }),
      problems,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync()
  }

  private async keep(fault: string, verdict: Verdict, final: ReadonlyMap<string, number>): Promise<void> {
    const { evidence } = this.context
    const name = fault.replaceAll(/[^\w.-]+/g, '-')
    await evidence.write(`${name}.verdict.json`, JSON.stringify(verdict, null, 1))
    await evidence.history(name, await this.recorder.arrivals(), final)
    await evidence.daemon(`${name}.daemon`, this.daemon)
    await evidence.write(
      `${name}.checkpoint.json`,
      await this.redis.cli('-n', '1', '--raw', 'GET', 'bingo:{bingo}:checkpoint'),
    )
  }
}

/** A database of its own: what a scenario records must not evict or flush the checkpoint. */
export function checkpointUrl({ url }: { readonly url: string }): string {
  return `${url}/1`
}

async function stillUnderWay(daemon: Daemon, deadline: number): Promise<string[]> {
  let jobs = await daemon.metric('bingo_in_flight_jobs')
  while (jobs !== 0 && performance.now() < deadline) {
    await delay(POLL_MS)
    jobs = await daemon.metric('bingo_in_flight_jobs')
  }
  return jobs === 0 ? [] : [`${jobs} actions are still under way`]
}
