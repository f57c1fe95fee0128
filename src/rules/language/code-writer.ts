import type { Change } from '../../model/event/change.ts'
import type { TableDef } from '../../model/table/table.ts'
import { columnsOf } from './table-columns.ts'
import { valueKind } from '../../model/table/value-kind.ts'

/** Thrown for an expression that is not plain. Never leaves the compiler. */
export class Unsupported extends Error {}

/** Static type of a compiled operand; `structure` is everything that is not a scalar. */
export type OperandType = 'int' | 'float' | 'string' | 'bool' | 'null' | 'structure'

export interface Operand {
  /** A variable or constant; reading it has no effects. */
  readonly code: string
  readonly type: OperandType
  /** Certainly a value of its type: not NULL, and a JS number if it is a number. */
  readonly checked: boolean
  /** A constant beyond 2^53, which is a bigint. */
  readonly big: boolean
}

type Image = 'new' | 'old' | 'key'

interface Mark {
  readonly lines: number
}

/**
 * Writes the body of a generated filter. In it `c` is the change, `n` and `o` its rows. Names of columns enter the code
 * as JSON strings, constants by reference; no data ever does.
 */
export class CodeWriter {
  readonly table: TableDef
  readonly zero: Operand = { code: '0', type: 'int', checked: true, big: false }
  private readonly loads = new Map<string, { readonly variable: string; readonly code: string }>()
  private lines: string[] = []
  private readonly constants: unknown[] = []
  private variables = 0

  constructor(table: TableDef) {
    this.table = table
  }

  /** The finished function; `engine` answers when the code bails out. */
  build(result: string, engine: (change: Change) => boolean): (change: Change) => boolean {
    const names = this.constants.map((_, index) => `k${index}`)
    const loads = [...this.loads.values()].map(({ code }) => code)
    const body = [
      'return function filter(c) {',
      'const n = c.new, o = c.old;',
      ...loads,
      ...this.lines,
      `return ${result};`,
      '}',
    ].join('\n')
    // oxlint-disable-next-line typescript/no-implied-eval -- no text of the code comes from data
    const make = new Function('engine', ...names, body) as (...values: unknown[]) => (change: Change) => boolean
    return make(engine, ...this.constants)
  }

  mark(): Mark {
    return { lines: this.lines.length }
  }

  /** Drops what was written since the mark. */
  reset({ lines }: Mark): void {
    this.lines = this.lines.slice(0, lines)
  }

  line(code: string): void {
    this.lines.push(code)
  }

  declare(): string {
    const name = `t${this.variables++}`
    this.line(`let ${name};`)
    return name
  }

  temporary(code: string): string {
    const name = `t${this.variables++}`
    this.line(`const ${name} = ${code};`)
    return name
  }

  bailIf(condition: string): void {
    this.line(`if (${condition}) return engine(c);`)
  }

  constant(value: unknown): string {
    return `k${this.constants.push(value) - 1}`
  }

  literal(value: unknown): Operand {
    const operand = (code: string, type: OperandType, big = false): Operand => ({ code, type, checked: true, big })
    if (value === null) return operand('null', 'null')
    if (typeof value === 'boolean') return operand(String(value), 'bool')
    if (typeof value === 'string') return operand(this.constant(value), 'string')
    if (typeof value === 'number') return operand(this.constant(value), 'float')
    if (typeof value !== 'bigint') throw new Unsupported()
    return Number.isSafeInteger(Number(value))
      ? operand(String(value), 'int')
      : operand(this.constant(value), 'int', true)
  }

  variable(name: string): Operand {
    const text = (code: string, checked: boolean): Operand => ({ code, type: 'string', checked, big: false })
    switch (name) {
      case 'op':
        return text('c.op', true)
      case 'schema':
        return text(this.constant(this.table.schema), true)
      case 'table':
        return text(this.constant(this.table.name), true)
      case 'txId':
        return text('c.transaction.id', true)
      case 'gtid':
        return text(this.temporary('c.transaction.gtid'), false)
      case 'serverId':
        return { code: 'c.transaction.serverId', type: 'int', checked: true, big: false }
      default:
        throw new Unsupported()
    }
  }

  /** A column's value; an absent one is the engine's business. */
  column(image: Image, name: string): Operand {
    const loaded = this.load(image, name)
    this.bailIf(`${loaded.code} === undefined`)
    return loaded
  }

  /** As `column`, but undefined when the row image leaves the column out. */
  load(image: Image, name: string): Operand {
    const column = columnsOf(this.table).find(name)
    if (column === undefined) throw new Unsupported()
    const id = `${image} ${column.name}`
    let load = this.loads.get(id)
    if (load === undefined) {
      const variable = `v${this.loads.size}`
      load = { variable, code: loadCode(variable, image, JSON.stringify(column.name)) }
      this.loads.set(id, load)
    }
    return { code: load.variable, type: TYPES[valueKind(column)], checked: false, big: false }
  }
}

const TYPES = {
  int: 'int',
  uint64: 'int',
  float: 'float',
  string: 'string',
  json: 'structure',
  set: 'structure',
  geometry: 'structure',
  vector: 'structure',
} as const

/** In an INSERT every column of `old` is NULL, in a DELETE every column of `new`; a key column is in either. */
function loadCode(variable: string, image: Image, property: string): string {
  if (image === 'key') {
    return (
      `let ${variable} = n === null ? undefined : n[${property}];` +
      `if (${variable} === undefined && o !== null) ${variable} = o[${property}];`
    )
  }
  const row = image === 'new' ? 'n' : 'o'
  return `const ${variable} = ${row} === null ? null : ${row}[${property}];`
}
