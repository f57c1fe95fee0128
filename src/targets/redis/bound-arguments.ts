import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import type { Change } from '../../model/event/change.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { Piece } from '../plan/piece.ts'

/** One argument of a command, or several that one expression gives. */
export type Arguments = Piece<Content> | SeveralArguments

export interface SeveralArguments extends Piece<readonly string[]> {
  readonly several: true
}

type Render<T> = (change: Change, into?: ByteArena) => T

/** Renders what a command is sent to (`key`) and its arguments into one list. */
export function bindArguments(
  key: (change: Change) => string,
  parts: readonly Arguments[],
  table: TableDef,
): Render<readonly [string, ...Content[]]> {
  const bound = parts.map((part) => part.bind(table))
  if (parts.some((part) => 'several' in part)) {
    return (change, into) => [key(change), ...bound.flatMap((render) => render(change, into))]
  }
  const renders = [key, ...bound] as readonly Render<Content>[]
  // Of the right length at once: an array that grows keeps room for sixteen more, in every event that waits.
  return (change, into) => renders.map((render) => render(change, into)) as [string, ...Content[]]
}
