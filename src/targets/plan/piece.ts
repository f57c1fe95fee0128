import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Change } from '../../model/event/change.ts'
import { EvaluationError } from '../../model/errors.ts'
import { READS_NOTHING, unionReads } from '../../model/table/column-reads.ts'
import type { ColumnReads, Structure } from '../../model/rule/rule.ts'
import type { TableDef } from '../../model/table/table.ts'

/** Anything rendered from a change: a template, a structure, a constant, or several of them in a row. */
export interface Piece<T> {
  reads(table: TableDef): ColumnReads
  /** What has to be decoded of it where the row's image is at hand; absent: all that it reads. */
  readonly decodes?: ((table: TableDef) => ColumnReads) | undefined
  /** `into`: where bytes go that are written straight from the image. */
  bind(table: TableDef): (change: Change, into?: ByteArena) => T
}

/** `decodes` of an action that is made of these pieces; nothing where none of them is written from an image. */
export function decodes(pieces: readonly Piece<unknown>[]): { decodes?: (table: TableDef) => ColumnReads } {
  if (pieces.every((piece) => piece.decodes === undefined)) return {}
  return {
    decodes: (table) => unionReads(pieces.map((piece) => piece.decodes?.(table) ?? piece.reads(table))),
  }
}

export function constant<T>(value: T): Piece<T> {
  return { reads: () => READS_NOTHING, bind: () => () => value }
}

/** A structure as one text: strings as they are, NULL as the empty text, everything else as JSON. */
export function structureText(structure: Structure): Piece<string> {
  return { reads: (table) => structure.reads(table), bind: (table) => structure.bindText(table) }
}

/** Refuses what the target would refuse, so that the error names the rule's text and no round trip is spent. */
export function checked(piece: Piece<string>, pattern: RegExp, code: string, what: string): Piece<string> {
  return {
    reads: (table) => piece.reads(table),
    bind: (table) => {
      const render = piece.bind(table)
      return (change) => {
        const text = render(change)
        if (!pattern.test(text)) throw new EvaluationError(code, `${what}: the rendered value is not valid`)
        return text
      }
    },
  }
}
