import type { PartLease } from '../contract.ts'

/** The right to read a stream, as its only reader of the group. */
export interface StreamLease extends PartLease {
  /** Entries up to here were handed out; `0-0`: none by this process. */
  read: string
  /** Handed out and not acknowledged, in that order. */
  readonly handed: string[]
  /** What is pending may have to be read again: at the start, and after an answer was lost. */
  recovering: boolean
}

export function newLease(part: string): StreamLease {
  return { part, lost: false, read: '0-0', handed: [], recovering: true }
}

/** Entries that are finished now: everything handed out up to this one. */
export function takeFinished({ handed }: StreamLease, place: string): string[] {
  return handed.splice(0, handed.indexOf(place) + 1)
}

/** Ids of entries: MILLISECONDS-NUMBER. */
export function isBehind(id: string, other: string): boolean {
  const [ms, number] = numbers(id)
  const [otherMs, otherNumber] = numbers(other)
  return ms > otherMs || (ms === otherMs && number > otherNumber)
}

function numbers(id: string): readonly [bigint, bigint] {
  const [ms = '0', number = '0'] = id.split('-')
  return [BigInt(ms), BigInt(number)]
}
