import { TABLE_OPTIONS } from '../sql/alter-clauses.ts'
import { outline } from '../sql/clauses.ts'
import { SqlTokens, type SqlToken } from '../sql/tokens.ts'
import { characterWidth, charsetOf, defaultCollation } from './charset-collations.ts'
import { unescapeValue } from './column-values.ts'
import type { DeclaredColumn } from './declared-column.ts'
import { type DeclaredTable, normalType } from './table-columns.ts'

export interface CreatedTable extends DeclaredTable {
  /** '' where the statement does not say. */
  readonly schema: string
  readonly name: string
}

const CHARACTER = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set'])
const BINARY = /^(var)?binary$|blob$/
const NOT_COLUMNS = new Set([
  'PRIMARY',
  'KEY',
  'INDEX',
  'UNIQUE',
  'FULLTEXT',
  'SPATIAL',
  'CONSTRAINT',
  'FOREIGN',
  'CHECK',
  'PERIOD',
])

/** One top-level entry between the brackets of a CREATE TABLE. */
type Entry = readonly SqlToken[]

/** Reads a CREATE TABLE statement as SHOW CREATE TABLE and mysqldump write it; null for any other statement. */
export function readCreateTable(sql: string, charset: string): CreatedTable | null {
  const tokens = new SqlTokens(sql)
  if (!tokens.skip('CREATE')) return null
  tokens.skip('TEMPORARY')
  if (!tokens.skip('TABLE')) return null
  if (tokens.skip('IF')) {
    tokens.skip('NOT')
    tokens.skip('EXISTS')
  }
  const first = tokens.next()?.text ?? ''
  const qualified = tokens.skipMark('.')
  const name = qualified ? (tokens.next()?.text ?? '') : first
  if (!tokens.skipMark('(')) return null
  const { entries } = readEntries(tokens)
  const tail = tokens.takeAll()
  return { schema: qualified ? first : '', name, ...declare(entries, readTableCharset(tail) ?? charset, tail) }
}

/** A column of the types that `readColumn` knows, with nothing behind it that could mean another one. */
const UNDERSTOOD_COLUMN = new RegExp(
  '^[^ ()]+ (?:TINYINT|SMALLINT|MEDIUMINT|INT|INTEGER|BIGINT|DECIMAL|NUMERIC|FLOAT|DOUBLE|BIT|BOOL|BOOLEAN|YEAR|DATE|TIME|DATETIME|' +
    'TIMESTAMP|CHAR|VARCHAR|BINARY|VARBINARY|TINYBLOB|BLOB|MEDIUMBLOB|LONGBLOB|TINYTEXT|TEXT|MEDIUMTEXT|LONGTEXT|JSON|ENUM|SET|' +
    'GEOMETRY|POINT|LINESTRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|GEOMETRYCOLLECTION|UUID|INET4|INET6|VECTOR)' +
    '(?: \\(\\))?' +
    '(?: (?:UNSIGNED|SIGNED|ZEROFILL|CHARACTER SET \\w+|CHARSET \\w+|COLLATE \\w+|NOT NULL|NULL|AUTO_INCREMENT|UNIQUE KEY|UNIQUE|' +
    "PRIMARY KEY|COMMENT ''|VISIBLE|INVISIBLE|ON UPDATE \\w+(?: \\(\\))?|COLUMN_FORMAT \\w+|STORAGE \\w+|SRID \\w+|" +
    "DEFAULT (?:- )?(?:''|\\(\\)|\\w+ ''|\\w+ \\. \\w+|\\w+ \\(\\)|\\w+)|" +
    '(?:GENERATED ALWAYS )?AS \\(\\)|VIRTUAL|STORED|PERSISTENT|(?:CONSTRAINT [^ ]+ )?CHECK \\(\\)))*$',
)
const UNDERSTOOD_KEY =
  /^(?:CONSTRAINT (?:(?!PRIMARY |UNIQUE |FOREIGN |CHECK )[^ ]+ )?)?(?:PRIMARY KEY|UNIQUE(?: KEY| INDEX)?|KEY|INDEX|(?:FULLTEXT|SPATIAL)(?: KEY| INDEX)?|FOREIGN KEY|CHECK) .*$/
const UNDERSTOOD_TAIL = new RegExp(
  `^(?:${TABLE_OPTIONS}(?: ,)?(?: |$))*(?:PARTITION BY \\w+(?: COLUMNS| KEY| HASH)? \\(\\)(?: PARTITIONS \\w+)?(?: \\(\\))?(?: |$))?(?:START TRANSACTION)?(?: ?;)?$`,
)

/**
 * The columns of a CREATE TABLE, of which all up to the first bracket was taken. Null unless every word of it is
 * understood. A column whose character set is that of its database, which the statement does not tell, has the
 * collation 0 and no length.
 */
export function readCreated(tokens: SqlTokens): DeclaredTable | null {
  const { entries, closed } = readEntries(tokens)
  const tail = tokens.takeAll()
  const understood =
    closed &&
    entries.every(hasPlainValues) &&
    entries.every((entry) => (isColumn(entry) ? UNDERSTOOD_COLUMN : UNDERSTOOD_KEY).test(outline(entry))) &&
    UNDERSTOOD_TAIL.test(outline(tail))
  if (!understood) return null
  const keys = entries.filter((entry) => readKey(entry) !== null)
  return keys.length > 1 ? null : declare(entries, readTableCharset(tail) ?? null, tail)
}

/** ENUM and SET values that are what is written: no escapes, no spaces at the end, which servers cut off, no numbers. */
function hasPlainValues(entry: Entry): boolean {
  const type = typeOf(entry)
  if (!isColumn(entry) || (type !== 'enum' && type !== 'set')) return true
  return argumentsOf(entry).every(({ kind, text }) => kind === 'string' && !/\\| $/.test(text))
}

function declare(entries: readonly Entry[], tableCharset: string | null, tail: Entry): DeclaredTable {
  const columns = entries.filter(isColumn).map((entry) => readColumn(entry, tableCharset))
  const key = entries.map(readKey).find((names) => names !== null) ?? []
  const inKey = new Set(key)
  return {
    // A key column is NOT NULL, whether the statement says so or not.
    columns: columns.map((column) => (inKey.has(column.name) ? { ...column, nullable: false } : column)),
    key,
    versioned: wordsAt(tail, 'WITH', 'SYSTEM', 'VERSIONING') < 0 ? undefined : { rowEnd: readRowEnd(entries) },
    hashKeys: entries.filter((entry) => wordsAt(entry, 'USING', 'HASH') > 0).length,
  }
}

/** The column that is `GENERATED ALWAYS AS ROW END`. */
function readRowEnd(entries: readonly Entry[]): string | null {
  return entries.find((entry) => isColumn(entry) && wordsAt(entry, 'AS', 'ROW', 'END') > 0)?.[0]?.text ?? null
}

/** `closed`: their bracket is. */
function readEntries(tokens: SqlTokens): { readonly entries: readonly Entry[]; readonly closed: boolean } {
  const entries: SqlToken[][] = [[]]
  let depth = 0
  for (let token = tokens.next(); token !== null; token = tokens.next()) {
    if (token.kind === 'mark' && token.text === ')' && depth-- === 0) return { entries, closed: true }
    if (token.kind === 'mark' && token.text === '(') depth++
    if (token.kind === 'mark' && token.text === ',' && depth === 0) entries.push([])
    else entries.at(-1)!.push(token)
  }
  return { entries, closed: false }
}

function isColumn(entry: Entry): boolean {
  const first = entry[0]
  return first !== undefined && !(first.kind === 'word' && NOT_COLUMNS.has(first.text.toUpperCase()))
}

/** Columns of `PRIMARY KEY (a, b(10))`, or the one column with `PRIMARY KEY` behind it. */
function readKey(entry: Entry): string[] | null {
  const at = wordsAt(entry, 'PRIMARY', 'KEY')
  if (at < 0) return null
  if (isColumn(entry) && at > 0 && !isWord(entry[0], 'CONSTRAINT')) return [entry[0]!.text]
  const open = entry.findIndex((token, i) => i > at && token.kind === 'mark' && token.text === '(')
  const names: string[] = []
  let depth = 0
  for (const token of entry.slice(open)) {
    if (token.kind === 'mark' && token.text === '(') depth++
    else if (token.kind === 'mark' && token.text === ')') depth--
    else if (depth === 1 && token.kind !== 'mark' && !isWord(token, 'ASC') && !isWord(token, 'DESC'))
      names.push(token.text)
  }
  return names
}

function readColumn(entry: Entry, tableCharset: string | null): DeclaredColumn {
  const dataType = typeOf(entry)
  const args = argumentsOf(entry)
  const numbers = args.filter(({ kind }) => kind === 'word').map(({ text }) => Number(text))
  const charset = columnCharset(entry) ?? tableCharset
  const isCharacter = CHARACTER.has(dataType)
  const length = numbers[0] ?? 1
  const isTemporal = dataType === 'time' || dataType === 'datetime' || dataType === 'timestamp'
  return {
    name: entry[0]!.text,
    dataType,
    octetLength: !isCharacter ? length : charset === null ? null : length * characterWidth(charset),
    precision: numbers[0] ?? (dataType === 'decimal' ? 10 : 1),
    scale: numbers[1] ?? 0,
    fractionDigits: isTemporal ? (numbers[0] ?? 0) : 0,
    nullable: wordsAt(entry, 'NOT', 'NULL') < 0 && wordsAt(entry, 'PRIMARY', 'KEY') < 0,
    unsigned: wordsAt(entry, 'UNSIGNED') > 0 || wordsAt(entry, 'ZEROFILL') > 0,
    collation: isCharacter ? defaultCollation(charset ?? '') : BINARY.test(dataType) ? 63 : 0,
    values:
      dataType === 'enum' || dataType === 'set'
        ? args.filter(({ kind }) => kind === 'string').map(({ text }) => unescapeValue(text))
        : undefined,
    visible: wordsAt(entry, 'INVISIBLE') < 0,
    generated: entry.some((token, i) => isWord(token, 'AS') && entry[i + 1]?.kind === 'mark'),
  }
}

function typeOf(entry: Entry): string {
  const type = normalType(entry[1]?.text.toLowerCase() ?? '')
  return type === 'double' || type !== 'character' ? type : 'char'
}

/** What stands in the brackets right behind the type. */
function argumentsOf(entry: Entry): SqlToken[] {
  if (entry[2]?.kind !== 'mark' || entry[2].text !== '(') return []
  const end = entry.findIndex((token) => token.kind === 'mark' && token.text === ')')
  return entry.slice(3, end).filter(({ kind }) => kind !== 'mark')
}

function columnCharset(entry: Entry): string | undefined {
  const set = wordsAt(entry, 'CHARACTER', 'SET')
  if (set > 0) return entry[set + 2]?.text
  const short = wordsAt(entry, 'CHARSET')
  if (short > 0) return entry[short + 1]?.text
  const collate = wordsAt(entry, 'COLLATE')
  return collate > 0 ? charsetOf(entry[collate + 1]?.text ?? '') : undefined
}

/** `DEFAULT CHARSET=utf8mb4 COLLATE=…` behind the brackets. */
function readTableCharset(tail: readonly SqlToken[]): string | undefined {
  const rest = tail.filter((token) => token.kind !== 'mark' || token.text !== '=')
  return columnCharset([{ kind: 'mark', text: '' }, ...rest])
}

function wordsAt(entry: Entry, ...words: readonly string[]): number {
  return entry.findIndex((_, i) => i >= 0 && words.every((word, k) => isWord(entry[i + k], word)))
}

function isWord(token: SqlToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word
}
