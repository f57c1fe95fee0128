import type { Row, Value } from '../../model/event/row.ts'
import { keyValue } from '../../model/event/row-key.ts'
import type { TableDef } from '../../model/table/table.ts'

/** Picks the lane of a row, in [0, lanes). */
export type LaneOf = (old: Row | null, new_: Row | null) => number

/**
 * Stable over restarts and versions: a hash of schema, table and primary key. The same key always takes the same lane
 * (invariant 2); all rows of a table without a key share one lane.
 */
export function laneHash(table: TableDef, lanes: number): LaneOf {
  const seed = hashText(`${table.schema}\0${table.name}`, 0x811c9dc5)
  const names = table.key.map((index) => table.columns[index]!.name)
  const first = names[0]
  if (first === undefined) return () => reduce(seed, lanes)
  if (names.length === 1) return (old, new_) => reduce(hashValue(keyValue(first, old, new_), seed), lanes)
  return (old, new_) => {
    let hash = seed
    for (const name of names) hash = hashValue(keyValue(name, old, new_), hash)
    return reduce(hash, lanes)
  }
}

/** Lane of what a rule orders by instead of the primary key. */
export function laneOfText(text: string, lanes: number): number {
  return reduce(hashText(text, 0x811c9dc5), lanes)
}

/** FNV-1a over UTF-16 code units, 32 bit. */
function hashText(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

function hashInt(value: number, seed: number): number {
  return Math.imul(seed ^ value, 0x9e3779b1)
}

function hashValue(value: Value, seed: number): number {
  if (typeof value === 'number') {
    if ((value | 0) === value) return hashInt(value, seed)
    // High and low half, so that big integers that differ only above 2^32 do not share a lane by construction.
    return Number.isSafeInteger(value)
      ? hashInt(value | 0, hashInt(Math.floor(value / 4294967296), seed))
      : hashText(String(value), seed)
  }
  if (typeof value === 'string') return hashText(value, seed)
  return hashText(typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value), seed)
}

/** Finalises (murmur3) so that consecutive keys spread evenly, and scales down to a lane. */
function reduce(hash: number, lanes: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  h ^= h >>> 16
  return (h >>> 0) % lanes
}
