import type { PresentColumns } from '../../../../model/source/binlog-stream.ts'

/** A set of columns as a rows event carries it: one bit per column, lowest bit first. */
class ColumnBits implements PresentColumns {
  readonly all: boolean
  readonly #bits: Uint8Array
  readonly #columns: number

  constructor(bits: Uint8Array, columns: number) {
    this.#bits = bits
    this.#columns = columns
    this.all = allSet(bits, 0, columns)
  }

  has(column: number): boolean {
    return column < this.#columns && (this.#bits[column >> 3]! & (1 << (column & 7))) !== 0
  }
}

const interned = new Map<string, ColumnBits>()
/** Sets kept: a wide table with MINIMAL images can have any number. Losing one costs a compilation of its decoder. */
const MOST_SETS = 4096
/** Sets seen last, by number of columns: with full row images there is no other. */
const complete: (ColumnBits | undefined)[] = []

/** The set of `columns` columns whose bits begin at `at`; the same set is the same object. Bounds are the caller's. */
export function presentColumns(bytes: Buffer, at: number, columns: number): PresentColumns {
  if (allSet(bytes, at, columns)) return (complete[columns] ??= new ColumnBits(allBits(columns), columns))
  const length = (columns + 7) >> 3
  const key = `${columns}:${bytes.toString('latin1', at, at + length)}`
  let bits = interned.get(key)
  if (bits === undefined) {
    bits = new ColumnBits(Uint8Array.prototype.slice.call(bytes, at, at + length), columns)
    if (interned.size >= MOST_SETS) interned.clear()
    interned.set(key, bits)
  }
  return bits
}

function allSet(bytes: Uint8Array, at: number, columns: number): boolean {
  const whole = columns >> 3
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== 0xff) return false
  const rest = (1 << (columns & 7)) - 1
  return (bytes[at + whole]! & rest) === rest || rest === 0
}

function allBits(columns: number): Uint8Array {
  return new Uint8Array((columns + 7) >> 3).fill(0xff)
}
