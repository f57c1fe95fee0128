import type { Value } from '../../../../model/event/row.ts'

/**
 * How one column lies in a row image and how its value is read, as source text for the row decoder.
 *
 * The text may use: `b` the buffer (Buffer), `p` the first byte of the value, and for values with a length `e` the
 * byte after its last, already checked against the end of the event. It must assign the `target` and must not move
 * `p` or `e`. A fixed-width value may lie past the end of a truncated event: what is read there is thrown away, but
 * reading must not throw anything but BingoError.
 */
export interface ColumnCodec {
  /** Bytes of the value where that does not depend on the data; else null, and `lengthBytes` precede the value. */
  readonly width: number | null
  /** 1 to 4 little-endian bytes that hold the value's length; 0 for a fixed width. */
  readonly lengthBytes: number
  read(target: string, constant: Constants): string
}

/** Hands a value to the generated code; answers the identifier that stands for it there. */
export type Constants = (value: unknown) => string

/** Reads a value with a length from bytes [start, end). */
export type BytesReader = (bytes: Buffer, start: number, end: number) => Value

/** A column with a length prefix whose value a function reads. */
export function variableColumn(lengthBytes: number, reader: BytesReader): ColumnCodec {
  return { width: null, lengthBytes, read: (target, constant) => `${target}=${constant(reader)}(b,p,e);` }
}

/** A column of fixed width whose value a function reads. */
export function fixedColumn(width: number, reader: (bytes: Buffer, start: number) => Value): ColumnCodec {
  return { width, lengthBytes: 0, read: (target, constant) => `${target}=${constant(reader)}(b,p);` }
}

/** A column of fixed width whose value is one expression or a block of statements. */
export function inlineColumn(width: number, read: ColumnCodec['read']): ColumnCodec {
  return { width, lengthBytes: 0, read }
}
