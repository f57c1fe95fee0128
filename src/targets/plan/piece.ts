import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import type { Change } from '../../model/event/change.ts'
import { EvaluationError } from '../../model/errors.ts'
import { READS_NOTHING, unionReads } from '../../model/table/column-reads.ts'
import type { CompiledAction } from '../../model/rule/action.ts'
import type { ColumnReads, Structure } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'

/** Anything rendered from a change: a template, a structure, a constant, or several of them in a row. */
export interface Piece<T> {
  reads(table: TableDef): ColumnReads
  /** What has to be decoded of it where the row's image is at hand; absent: all that it reads. */
  readonly decodes?: ((table: TableDef) => ColumnReads) | undefined
  /** It is written as bytes where there is an arena. */
  readonly writesBytes?: true | undefined
  /** `into`: where bytes go that are not rendered as text first. */
  bind(table: TableDef): (change: Change, into?: ByteArena) => T
}

/** What an action says that is made of these pieces, of which some may be written as bytes or from an image. */
export function writing(pieces: readonly Piece<unknown>[]): Pick<CompiledAction, 'decodes' | 'writesBytes'> {
  const fromImage = pieces.some((piece) => piece.decodes !== undefined)
  if (!fromImage && !pieces.some((piece) => piece.writesBytes)) return {}
  if (!fromImage) return { writesBytes: true }
  return {
    writesBytes: true,
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

/** A structure as JSON, as bytes where there is an arena. */
export function structureContent(structure: Structure): Piece<Content> {
  return {
    reads: (table) => structure.reads(table),
    writesBytes: true,
    bind: (table) => structure.bindContent(table),
  }
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
