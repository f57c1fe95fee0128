import { asItWas } from '../event/as-it-was.ts'
import type { Change } from '../event/change.ts'
import type { SourceLocation } from '../errors.ts'
import { isPosted, postedKeyText } from '../event/posted/posted-event.ts'
import { rowKeyText } from '../event/row-key.ts'
import type { ColumnReads, Template } from './expression.ts'
import type { TableDef } from '../table/table.ts'

/** The keys of one change. */
export interface RuleKeys {
  /** Stable text; rows of all tables of a rule that render the same one share it. */
  readonly present: string
  /** That of the row before an UPDATE that gave it another key; else null. */
  readonly previous: string | null
}

/** Of no row: a table has a name. */
const PREFIX = 'key\0\0'

/** What a rule orders, gathers, coalesces and parks by instead of the primary key: `key: "{{customer_id}}"`. */
export class RuleKey {
  readonly location: SourceLocation
  private readonly template: Template
  private readonly bound = new WeakMap<TableDef, (change: Change) => string>()
  /** All jobs of a change ask, one after the other. A weak map of all changes takes longer than making some of them twice. */
  private last: { readonly change: Change; readonly keys: RuleKeys } | null = null

  /** `template`: reads the row as it is now, in a DELETE as it was. */
  constructor(template: Template) {
    this.template = template
    this.location = template.location
  }

  /** As written. */
  get source(): string {
    return this.template.source
  }

  reads(table: TableDef): ColumnReads {
    return this.template.reads(table)
  }

  /** Throws EvaluationError when the key names a column that the table does not have. */
  bind(table: TableDef): (change: Change) => string {
    let render = this.bound.get(table)
    if (render === undefined) this.bound.set(table, (render = this.template.bind(table)))
    return render
  }

  /** Throws EvaluationError when the key of this change cannot be rendered. */
  of(change: Change): RuleKeys {
    if (this.last?.change !== change) this.last = { change, keys: this.keysOf(change) }
    return this.last.keys
  }

  private keysOf(change: Change): RuleKeys {
    const render = this.bind(change.table)
    const present = PREFIX + render(change)
    if (change.op !== 'update' || change.old === null) return { present, previous: null }
    const previous = PREFIX + render(asItWas(change))
    return { present, previous: previous === present ? null : previous }
  }
}

/** As people wrote it. */
export function shownKey(key: string): string {
  return key.slice(PREFIX.length)
}

/** As `of`; undefined where there is no such key, or it cannot be rendered: then the primary key counts. */
export function keysBy(key: RuleKey | null, change: Change): RuleKeys | undefined {
  if (key === null) return undefined
  try {
    return key.of(change)
  } catch {
    // Its job has failed already, and only has to go to the dead letters in the order of its row.
    return undefined
  }
}

/** What a job of a rule is ordered by. */
export function jobKeyText(key: RuleKey | null, change: Change, ofPrevious: boolean): string {
  const keys = keysBy(key, change)
  if (keys === undefined && isPosted(change.table)) return postedKeyText(change)
  if (keys !== undefined) return (ofPrevious ? keys.previous : null) ?? keys.present
  return rowKeyText(change.table, change.old, ofPrevious ? null : change.new)
}
