import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { usageOf } from '../../bench/process-usage.ts'
import type { Daemon } from '../../support/daemon.ts'

const LOOK_MS = 1_000

/** What is seen of a daemon once a second while something that it sends to is down. */
export class OutageWatch {
  /** Of the oldest committed change that is not behind the checkpoint. */
  maxLagSeconds = 0
  /** Of a row in the cache: since it was committed, until the cache had it. */
  maxStaleMs = 0
  private readonly rssMb: number[] = []
  private looks = 0
  private ending = false
  private readonly daemon: Daemon
  private readonly cache: Redis
  private readonly keyOf: (row: number) => string
  private running: Promise<void> | null = null

  constructor(daemon: Daemon, cache: Redis, keyOf: (row: number) => string) {
    this.daemon = daemon
    this.cache = cache
    this.keyOf = keyOf
  }

  /** `newest` answers a row and what was committed of it last. */
  start(newest: () => readonly [row: number, seq: number]): void {
    this.running = (async () => {
      while (!this.ending) {
        await this.look(newest())
        await delay(LOOK_MS)
      }
    })()
    this.running.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.ending = true
    await this.running
  }

  get notes(): string {
    const rss = this.rssMb.map(Math.round)
    const quarters = [0.25, 0.5, 0.75, 1].map((part) => rss[Math.max(0, Math.ceil(rss.length * part) - 1)] ?? 0)
    return `${this.looks} looks: lag at most ${this.maxLagSeconds} s, cache behind at most ${Math.round(this.maxStaleMs)} ms, RSS ${quarters.join(', ')} MB`
  }

  private async look([row, seq]: readonly [row: number, seq: number]): Promise<void> {
    const from = performance.now()
    while (!this.ending && Number(await this.cache.get(this.keyOf(row))) < seq) await delay(5)
    this.maxStaleMs = Math.max(this.maxStaleMs, performance.now() - from)
    this.maxLagSeconds = Math.max(this.maxLagSeconds, (await this.daemon.metric('bingo_lag_seconds')) ?? 0)
    this.rssMb.push(usageOf(this.daemon.pid).rssMb)
    this.looks += 1
  }
}
