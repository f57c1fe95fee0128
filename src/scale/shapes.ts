import { createHash } from 'node:crypto'
import { BingoError } from '../model/errors.ts'
import { flag, listOf, mapOf, number, oneOf, optional, text } from '../model/json/shape.ts'
import type { StateStore } from '../model/state/state.ts'
import { stateValue } from '../model/state/state-value.ts'
import { FLAVOURS, type TableDef } from '../model/table/table.ts'

const PREFIX = 'scale/shape/'

const COLUMN = mapOf({
  name: text,
  type: number,
  meta: number,
  nullable: flag,
  unsigned: flag,
  collation: number,
  values: optional(listOf(text)),
  visible: flag,
})
const TABLE = mapOf({
  schema: text,
  name: text,
  columns: listOf(COLUMN),
  key: listOf(number),
  flavour: oneOf(...FLAVOURS),
  hidden: optional(listOf(COLUMN)),
  rowEnd: optional(number),
})

/**
 * The shapes of the tables that changes are of, kept once beside the checkpoints instead of with each change: a worker
 * restores a table as the reader saw it, types and all. One object stands for one shape, for whoever compiles by it.
 */
export class Shapes {
  readonly #state: StateStore
  readonly #instance: string
  readonly #names = new WeakMap<TableDef, string>()
  readonly #tables = new Map<string, TableDef>()
  readonly #kept = new Set<string>()

  /** `instance`: of its shapes alone, so that records of another one are never taken for its own. */
  constructor(state: StateStore, instance: string) {
    this.#state = state
    this.#instance = instance
  }

  /** A digest of the shape. */
  nameOf(table: TableDef): string {
    let name = this.#names.get(table)
    if (name === undefined) {
      const json = JSON.stringify(table)
      name = createHash('sha256').update(this.#instance).update('\n').update(json).digest('base64url').slice(0, 22)
      this.#names.set(table, name)
      this.#tables.set(name, table)
    }
    return name
  }

  /** Before the first change that names it is appended. Rejects with the BingoError of the state store. */
  async keep(names: Iterable<string>): Promise<void> {
    for (const name of names) {
      if (this.#kept.has(name)) continue
      // It never changes: where one stands already, it is this one.
      await this.#state.save(PREFIX + name, JSON.stringify(this.#tables.get(name)!), null)
      this.#kept.add(name)
    }
  }

  /** Rejects with BINGO_SCALE_SHAPE_MISSING, BINGO_STATE_CORRUPT, or with the BingoError of the state store. */
  async table(name: string): Promise<TableDef> {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const stored = await this.#state.load(PREFIX + name)
    if (stored === null) {
      throw new BingoError('BINGO_SCALE_SHAPE_MISSING', `the shape "${name}" of a table is not in the state store`, {
        hint: 'Give reader and workers the same name and checkpoint.store, and each name a log of its own (scale.through). If that store was emptied: restore it from a backup.',
      })
    }
    const table = stateValue<TableDef>(this.#state, PREFIX + name, stored, TABLE)
    this.#tables.set(name, table)
    this.#names.set(table, name)
    return table
  }
}
