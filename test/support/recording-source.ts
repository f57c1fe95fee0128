import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { BinlogReader } from '../../src/sources/mysql/binlog/reader.ts'
import type { Log } from '../../src/model/rule/action.ts'
import type { TransactionHandler } from '../../src/model/source/binlog-stream.ts'
import { changedColumns } from '../../src/model/event/changed-columns.ts'
import type { Transaction } from '../../src/model/event/change.ts'
import type { Row } from '../../src/model/event/row.ts'
import type { Checkpoint } from '../../src/model/state/checkpoint.ts'
import { systemClock } from '../../src/model/clock.ts'
import { BingoError } from '../../src/model/errors.ts'
import type { SourcePosition } from '../../src/model/source/position.ts'
import { keyOf } from '../../src/model/event/row-key.ts'
import { SourceState } from '../../src/model/source/source-state.ts'
import { createStats } from '../../src/model/stats.ts'
import type { TableDef } from '../../src/model/table/table.ts'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { decodeRows } from './binlog-rows.ts'
import type { SourceSettings } from '../../src/sources/mysql/options.ts'
import { BinlogSource } from '../../src/sources/mysql/binlog-source.ts'
import { parseStartPoint } from '../../src/sources/mysql/start-point.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** Machines stall at times: hang detection, below the timeout of a test, so that it says what it waits for. */
const PATIENCE_MS = 120_000

/** A log that can be looked at. */
export function recordingLog(lines: LogLine[]): Log {
  const write = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...fields } })
  }
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  }
  return log
}

export interface RecordingOptions {
  readonly name?: string
  readonly start?: string
  readonly checkpoint?: Checkpoint | null
  readonly failFast?: boolean
  readonly settings?: Partial<SourceSettings>
  /** Awaited for every rows event, to hold the reader back. */
  readonly onRows?: () => Promise<void> | void
}

interface Recorded {
  readonly id: string
  readonly op: string
  readonly table: TableDef
  /** The statement, where the server logs it. */
  readonly query: string | null
}

export interface RecordedChange {
  readonly op: string
  readonly key: object | null
  readonly old: Row | null
  readonly new: Row | null
  readonly changed: readonly string[]
}

/** A BinlogSource with a real reader behind it, and a record of what came out. */
export class RecordingSource implements AsyncDisposable {
  /** `gtid op table bytes-of-images` per rows event of committed transactions, without system schemas. */
  readonly committed: Recorded[] = []
  /** The rows of committed transactions, in full. */
  readonly changes: RecordedChange[] = []
  readonly ends: SourcePosition[] = []
  readonly ddl: string[] = []
  /** `kind schema.table, …` of each of them. */
  readonly ddlTables: string[] = []
  readonly lines: LogLine[] = []
  readonly stats = createStats(1 << 20)
  readonly state = new SourceState()
  readonly source: BinlogSource
  readonly #stop = new AbortController()
  readonly #name: string
  /** Set when `run` has rejected. */
  error: BingoError | null = null
  readonly finished: Promise<void>

  constructor(url: string, options: RecordingOptions = {}) {
    this.#name = options.name ?? 'test'
    const address = parseSourceUrl(url)
    const settings: SourceSettings = {
      ...address,
      hosts: [],
      start: parseStartPoint(options.start ?? 'latest'),
      serverId: null,
      heartbeatMs: 1_000,
      connectTimeoutMs: 5_000,
      queryTimeoutMs: 5_000,
      reconnect: { minMs: 20, maxMs: 200 },
      onGap: 'stop',
      ...options.settings,
    }
    this.source = new BinlogSource(
      { name: this.#name, settings, checkpoint: options.checkpoint ?? null, failFast: options.failFast ?? false },
      {
        stats: this.stats,
        state: this.state,
        log: recordingLog(this.lines),
        clock: systemClock,
        wants: (schema) => schema === 'shop',
        openFeed: ({ position, schema, foldsNames }) =>
          new BinlogReader({
            flavour: position.flavour,
            handler: this.#handler(options.onRows),
            schemas: schema,
            startGtidSet: position.gtidSet,
            startFile: position.file,
            startOffset: position.offset,
            stats: this.stats,
            foldsNames,
          }),
      },
    )
    this.finished = this.source.run(this.#stop.signal).catch((error: unknown) => {
      if (!(error instanceof BingoError)) throw error
      this.error = error
    })
  }

  /** As a daemon would have stored it. */
  checkpoint(position: SourcePosition | undefined = this.ends.at(-1)): Checkpoint {
    if (!position) throw new Error('nothing was committed yet')
    const { flavour, file, offset, gtidSet } = position
    return {
      version: 1,
      name: this.#name,
      position: { flavour, file, offset, gtidSet },
      server: this.source.fingerprint(file),
      savedAt: Date.now(),
      epoch: 1,
    }
  }

  async waitFor(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!condition()) {
      if (this.error) throw this.error
      if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${String(condition)}\n${this.#story()}`)
      await delay(10)
    }
  }

  async streaming(): Promise<void> {
    await this.waitFor(() => this.state.connected)
  }

  async caughtUp(): Promise<void> {
    await this.waitFor(() => this.state.caughtUp)
  }

  /** The error that ends the run. */
  async failure(): Promise<BingoError> {
    await this.finished
    if (!this.error) throw new Error('the source stopped without an error')
    return this.error
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.finished
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** What it has been doing, for a test that waits in vain. */
  #story(): string {
    const { lastError, connected, caughtUp } = this.state
    const lines = this.lines.slice(-20).map(({ level, message, fields }) => `${level} ${message} ${inspect(fields)}`)
    return [inspect({ connected, caughtUp, reconnects: this.stats.reconnectsTotal, lastError }), ...lines].join('\n')
  }

  #handler(onRows: RecordingOptions['onRows']): TransactionHandler {
    let open: Recorded[] = []
    let rows: RecordedChange[] = []
    let transaction: Transaction | null = null
    return {
      begin: (begun) => {
        transaction = begun
        open = []
        rows = []
      },
      rows: ({ table, op, presentOld, presentNew, partialJson, buffer, start, end }) => {
        open.push({ id: transaction!.id, op, table, query: transaction!.query })
        const images = Buffer.from(buffer.subarray(start, end))
        for (const row of decodeRows(table, { op, presentOld, presentNew, partialJson }, images)) {
          rows.push({ op, ...row, key: keyOf(table, row.old, row.new), changed: changedColumns(table, row) })
        }
        return onRows?.()
      },
      ddl: ({ kind, sql, tables }) => {
        this.ddl.push(sql)
        this.ddlTables.push(`${kind} ${tables.map(({ schema, table }) => `${schema}.${table}`).join(', ')}`)
      },
      commit: (end) => {
        this.committed.push(...open)
        this.changes.push(...rows)
        this.ends.push(end)
        open = []
      },
      rollback: () => {
        open = []
      },
      advance: () => undefined,
      wants: ({ schema }) => schema === 'shop',
    }
  }
}
