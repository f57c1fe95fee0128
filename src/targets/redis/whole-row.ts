import type { ActionSpec } from '../../model/rule/action.ts'
import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import { EvaluationError } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import type { Piece } from '../plan/piece.ts'

/** What becomes of entries that are NULL in `fields: "{{new}}"`. */
export type Nulls = 'omit' | 'empty'

/** Fields and values of a map that one expression gives, and the fields that are NULL and left out. */
export interface FieldsOfRow {
  /** Name, value, name, value, … */
  readonly pairs: readonly string[]
  readonly omitted: readonly string[]
}

/** `fields` that is one expression instead of a map: `"{{new}}"`, `"{{new.doc}}"`. */
export function isWholeRow(spec: ActionSpec): boolean {
  return spec.outline('fields')?.tag === 'scalar'
}

/** Undefined where what is written is not one expression: the loader has told so. */
export function fieldsOfRow(spec: ActionSpec, nulls: Nulls): Piece<FieldsOfRow> | undefined {
  const structure = spec.structure('fields')
  if (structure === undefined) return undefined
  return {
    reads: (table) => structure.reads(table),
    bind: (table) => {
      const value = structure.bind(table)
      return (change: Change) => pairsOf(value(change), nulls)
    },
  }
}

function pairsOf(map: unknown, nulls: Nulls): FieldsOfRow {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new EvaluationError('BINGO_REDIS_FIELDS', '`fields` is not a map here', {
      hint: 'in a DELETE there is no new row: list `events: [INSERT, UPDATE]`, or write {{old}}',
    })
  }
  const pairs: string[] = []
  const omitted: string[] = []
  const values = map as { readonly [name: string]: Value }
  for (const name of Object.keys(values)) {
    const value = values[name]
    // A column that the row image leaves out has not changed.
    if (value === undefined) continue
    if (value === null && nulls === 'omit') omitted.push(name)
    else pairs.push(name, textOf(value))
  }
  return { pairs, omitted }
}

/** As a template shows it, but for structures, which are JSON. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value.join(',')
  return typeof value === 'object' ? stringifyValue(value) : String(value)
}
