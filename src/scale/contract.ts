import { mapOf, number } from '../model/json/shape.ts'
import type { ChangeKind } from '../model/source/source.ts'

/**
 * When a reader has appended something: the epoch of its run, and a number that grows with each change in it. In each share
 * these only grow, so that what came twice, or from a reader that another one has replaced, is seen by it.
 */
export interface Ordinal {
  readonly epoch: number
  readonly number: number
}

export const ORDINAL = mapOf({ epoch: number, number })

/** Negative: `one` was appended before `other`. */
export function compareOrdinals(one: Ordinal, other: Ordinal): number {
  return one.epoch - other.epoch || one.number - other.number
}

/** The smallest one behind it. */
export function behind({ epoch, number }: Ordinal): Ordinal {
  return { epoch, number: number + 1 }
}

/** Behind which record of its share reading goes on. */
export interface SharePosition {
  /** In the log. */
  readonly place: string
  readonly ordinal: Ordinal
  /** Generation of the layout that the place is of; absent: 0. */
  readonly layout?: number | undefined
  /** The record was one of several shares: these have to be done with it before anything behind it begins. */
  readonly meet?: readonly number[] | undefined
  /** What it was; absent: nothing is met, or an earlier version has written this. */
  readonly met?: ChangeKind | undefined
}

/** How far each share has come, kept where all processes see it. */
export interface Frontiers {
  /** Everything in the share before this ordinal is finished and remembered. */
  reached(share: number, ordinal: Ordinal): Promise<void>
  /** Null: it has never said so. */
  of(share: number): Promise<Ordinal | null>
}

/**
 * Where in the log of this layout to continue. In another one the same place is behind other records: then from the beginning,
 * without those that the position's ordinal says to be finished.
 */
export function placeIn(layout: number, position: SharePosition | null): string | null {
  return position !== null && (position.layout ?? 0) === layout ? position.place : null
}
