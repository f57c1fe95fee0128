import type { Clock, Timer } from './clock.ts'
import type { Log } from './rule/action.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

/** Lines of one kind that are written as they come. */
const FIRST = 5
/** Between two lines that sum up further ones. */
const EVERY_MS = 10_000

/** What tells lines apart; anything else may stand beside it. */
export interface SampledFields {
  readonly rule?: string
  readonly target?: string
  readonly code?: string
  /** Events that the line is about; absent: one. */
  readonly jobs?: number
  readonly [name: string]: unknown
}

export interface SampledLines {
  /** `kind`: what all lines of this kind have in common; absent: their message. */
  write(level: Level, fields: SampledFields, message: string, kind?: string): void
}

interface Repeated {
  /** Lines that came since nothing was known of them. */
  seen: number
  /** Not written yet. */
  held: Held | null
  /** Since the last look. */
  fresh: boolean
}

/** The newest of lines that are not written stands for all of them, with the highest of their levels. */
interface Held {
  level: Level
  fields: SampledFields
  message: string
  lines: number
  events: number
  readonly sinceMs: number
}

/**
 * Writes what repeats for many events without filling the log: of one rule, target and code the first few lines as they
 * come, and then a line every 10 s at most that counts the others. What has not come for so long is told anew.
 */
export class SampledLog implements SampledLines {
  private readonly log: Pick<Log, Level>
  private readonly clock: Pick<Clock, 'monotonicMs' | 'afterIdle'>
  private readonly repeated = new Map<string, Repeated>()
  private timer: Timer | null = null

  constructor(log: Pick<Log, Level>, clock: Pick<Clock, 'monotonicMs' | 'afterIdle'>) {
    this.log = log
    this.clock = clock
  }

  write(level: Level, fields: SampledFields, message: string, kind = message): void {
    const { rule = '', target = '', code = '' } = fields
    const key = [kind, rule, target, code].join('\n')
    let entry = this.repeated.get(key)
    if (entry === undefined) this.repeated.set(key, (entry = { seen: 0, held: null, fresh: true }))
    entry.seen += 1
    entry.fresh = true
    this.timer ??= this.clock.afterIdle(EVERY_MS, () => this.look())
    if (entry.seen <= FIRST) this.log[level](fields, message)
    else entry.held = this.join(entry.held, level, fields, message)
  }

  /** Writes what was only counted so far: nothing comes any more, or for a long time. */
  flush(): void {
    this.timer?.cancel()
    this.timer = null
    for (const { held } of this.repeated.values()) if (held !== null) this.sumUp(held)
    this.repeated.clear()
  }

  private join(held: Held | null, level: Level, fields: SampledFields, message: string): Held {
    const events = fields.jobs ?? 1
    if (held === null) return { level, fields, message, lines: 1, events, sinceMs: this.clock.monotonicMs() }
    if (LEVELS.indexOf(level) > LEVELS.indexOf(held.level)) held.level = level
    held.fields = fields
    held.message = message
    held.lines += 1
    held.events += events
    return held
  }

  private look(): void {
    this.timer = null
    for (const [key, entry] of this.repeated) {
      if (entry.held !== null) this.sumUp(entry.held)
      else if (!entry.fresh) this.repeated.delete(key)
      entry.held = null
      entry.fresh = false
    }
    if (this.repeated.size > 0) this.timer = this.clock.afterIdle(EVERY_MS, () => this.look())
  }

  private sumUp({ level, fields, message, lines, events, sinceMs }: Held): void {
    const ms = Math.round(this.clock.monotonicMs() - sinceMs)
    if (lines === 1) this.log[level](fields, message)
    else {
      const summary = { ...fields, ...(fields.jobs !== undefined && { jobs: events }), more: events, ms }
      this.log[level](summary, `${message} … and ${events} more in ${Math.max(1, Math.round(ms / 1_000))} s`)
    }
  }
}
