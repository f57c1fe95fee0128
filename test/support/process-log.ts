import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

/** Machines stall at times: hang detection, not a measure of speed. */
const PATIENCE_MS = 120_000

export interface LogLine {
  readonly level: number | string
  readonly msg: string
  readonly code?: string
  readonly [field: string]: unknown
}

/** Fields of a line, or a function that says whether it is meant. */
export type Meant = Partial<LogLine> | ((line: LogLine) => boolean)

/**
 * What processes say, one after the other. Lines come over a pipe, so that what else shows the same moment (a metric, an effect)
 * may be seen before them: `says` waits for a line, and `said` answers only when nothing more can come.
 */
export class ProcessLog {
  readonly lines: LogLine[] = []
  /** What was written to stderr, and lines that are no JSON. */
  stderr = ''
  /** Resolves when the process has ended and its last line was read. */
  ended: Promise<unknown> = Promise.resolve()
  private isComplete = true

  follow(child: ChildProcess): void {
    const lines = createInterface({ input: child.stdout! }).on('line', (line) => this.keep(line))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.isComplete = false
    this.ended = Promise.all([once(lines, 'close'), once(child, 'close')]).then(() => (this.isComplete = true))
  }

  /** The lines that are meant, as soon as there are `count`; throws when the process ends, or takes too long, without them. */
  async says(what: Meant, count = 1): Promise<readonly [LogLine, ...LogLine[]]> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const isLast = this.isComplete || Date.now() > deadline
      const found = this.find(what)
      const [first, ...others] = found
      if (first !== undefined && found.length >= count) return [first, ...others]
      if (isLast) throw new Error(`bingo said ${print(what)} ${found.length} times, not ${count}:\n${this.print()}`)
      await delay(20)
    }
  }

  /** The lines that are meant, of processes that have ended. */
  said(what: Meant): readonly LogLine[] {
    if (!this.isComplete) throw new Error('bingo runs, and may say more: stop it first, or wait for what it says')
    return this.find(what)
  }

  /** The end of it. */
  print(): string {
    const lines = this.lines.slice(-40).map((line) => JSON.stringify(line))
    return `${lines.join('\n')}\n${this.stderr.slice(-4000)}`
  }

  private find(what: Meant): readonly LogLine[] {
    if (typeof what === 'function') return this.lines.filter(what)
    const fields = Object.entries(what)
    return this.lines.filter((line) => fields.every(([field, value]) => line[field] === value))
  }

  private keep(line: string): void {
    try {
      this.lines.push(JSON.parse(line) as LogLine)
    } catch {
      this.stderr += `${line}\n`
    }
  }
}

function print(what: Meant): string {
  return typeof what === 'function' ? String(what) : JSON.stringify(what)
}
