import type { DdlStatement } from '../../../model/source/binlog-stream.ts'
import { PLAIN_SESSION } from '../sql/tokens.ts'
import { everySession } from '../sql/sessions.ts'
import { readAnyhow } from '../sql/statement.ts'
import { columnEffect } from './column-effect.ts'
import { sequenceOf } from '../../../model/source/position.ts'
import { binlogFiles } from '../server/binlog-status.ts'
import type { ControlConnection } from '../server/login/control-connection.ts'
import type { Place } from '../replica/feed.ts'
import { text } from '../server/server-facts.ts'

const PAGE = 5_000

/**
 * The DDL statements that lie between the place being read and the server's end, found by asking the server for its
 * event list. What was looked through once is not asked for again.
 */
export class DdlAhead {
  readonly #control: ControlConnection
  #statements: (Place & { readonly statement: DdlStatement })[] = []
  #from: Place | null = null
  #to: Place | null = null

  constructor(control: ControlConnection) {
    this.#control = control
  }

  /** The statements in (`position`, `end`) that may change the columns of this table, in their order. */
  async find(schema: string, table: string, position: Place, end: Place): Promise<DdlStatement[]> {
    await this.#look(position, end)
    return this.#statements
      .filter((place) => !isBefore(place, position) && mayTouch(place.statement, schema, table))
      .map(({ statement }) => statement)
  }

  /** Another connection, perhaps another server: file names may mean something else. */
  forget(): void {
    this.#statements = []
    this.#from = null
    this.#to = null
  }

  async #look(position: Place, end: Place): Promise<void> {
    const covered =
      this.#from !== null && this.#to !== null && !isBefore(position, this.#from) && !isBefore(this.#to, position)
    if (!covered) this.forget()
    this.#from ??= position
    this.#statements = this.#statements.filter((place) => !isBefore(place, position))
    let start: Place = this.#to ?? position
    const files = (await binlogFiles(this.#control)).map(({ name }) => name)
    for (const file of files) {
      if (sequenceOf(file) < sequenceOf(start.file) || sequenceOf(file) > sequenceOf(end.file)) continue
      await this.#scan(file, file === start.file ? start.offset : 4, file === end.file ? end.offset : Infinity)
    }
    if (!isBefore(end, start)) start = end
    this.#to = start
  }

  async #scan(file: string, from: number, to: number): Promise<void> {
    let offset = from
    while (offset < to) {
      const events = await this.#control.query(`SHOW BINLOG EVENTS IN ? FROM ${offset} LIMIT ${PAGE}`, [file])
      for (const event of events) {
        const at = Number(event['Pos'])
        offset = Math.max(offset, Number(event['End_log_pos']))
        if (at < to && /^query/i.test(text(event, 'Event_type'))) this.#add(file, at, text(event, 'Info'))
      }
      if (events.length < PAGE) return
    }
  }

  /**
   * Info of a query event: the statement, behind "use `schema`; " where the session had one. Nothing tells the session's
   * sql_mode and character set, so the statement is read in every way that it may have been meant.
   */
  #add(file: string, offset: number, info: string): void {
    const use = /^use `((?:[^`]|``)*)`; /.exec(info)
    const schema = use ? use[1]!.replaceAll('``', '`') : ''
    const read = readListed(use ? info.slice(use[0].length) : info, schema)
    if (read.tag === 'ddl' && read.statement.kind === 'ddl' && !leavesColumns(read.statement))
      this.#statements.push({ file, offset, statement: read.statement })
  }
}

/** What is not UTF-8: MySQL sends it as it is, MariaDB a question mark for each byte, also in words without quotes. */
const UNDECODED = '\ufffd'

/**
 * In some character sets a backtick or backslash can be the second half of a character (GBK, Big5, Shift-JIS), so that
 * behind a byte that was not decoded it may not be what it looks like.
 */
const UNCLEAR_QUOTE = /\ufffd[`\\]/

function readListed(info: string, schema: string): ReturnType<typeof readAnyhow> {
  const sql = info.replaceAll('?', UNDECODED)
  const read = readAnyhow({ sql, schema: schema.replaceAll('?', UNDECODED), session: PLAIN_SESSION })
  if (read.tag !== 'ddl') return read
  const tables = UNCLEAR_QUOTE.test(sql) ? [] : read.statement.tables
  return { ...read, statement: { ...read.statement, sql: info, tables } }
}

/**
 * Whether the columns of a table that exists at the place being read are the same behind the statement. What was not
 * decoded stands in place of itself in quotes, names and comments.
 */
function leavesColumns(statement: DdlStatement): boolean {
  const sql = statement.sql.replaceAll('?', UNDECODED)
  if (UNCLEAR_QUOTE.test(sql)) return false
  return everySession(statement.session).every((session) =>
    ['kept', 'keptIfExists'].includes(columnEffect({ ...statement, sql, session }).tag),
  )
}

/** A statement whose tables could not be told may touch any. */
function mayTouch(statement: DdlStatement, schema: string, table: string): boolean {
  if (statement.tables.length === 0) return true
  return statement.tables.some((named) => mayBe(named.schema, schema) && mayBe(named.table, table))
}

/** Names are compared without regard to case, and what is not ASCII may be anything that is not, to be safe. */
function mayBe(named: string, name: string): boolean {
  if (isPlain(named)) return named.toLowerCase() === name.toLowerCase()
  return !isPlain(name)
}

function isPlain(name: string): boolean {
  return !/[^\0-\x7f]|\?/.test(name)
}

function isBefore(one: Place, other: Place): boolean {
  if (one.file === other.file) return one.offset < other.offset
  return sequenceOf(one.file) < sequenceOf(other.file)
}
