import { corrupt } from './corrupt-event.ts'
import { u16, u32, u48, u56, u64, u64AsDouble } from './little-endian.ts'

/** Reads one event's body from front to back; running over its end is BINGO_BINLOG_CORRUPT. For the cold events. */
export class EventCursor {
  readonly buffer: Buffer
  readonly end: number
  at: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer
    this.at = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** Moves past `length` bytes and answers where they begin. */
  take(length: number): number {
    const start = this.at
    if (!(length >= 0 && length <= this.end - start))
      throw corrupt(`${length} bytes wanted where ${this.remaining} are left`)
    this.at = start + length
    return start
  }

  u8(): number {
    return this.buffer[this.take(1)]!
  }

  u16(): number {
    return u16(this.buffer, this.take(2))
  }

  u32(): number {
    return u32(this.buffer, this.take(4))
  }

  u48(): number {
    return u48(this.buffer, this.take(6))
  }

  u56(): number {
    return u56(this.buffer, this.take(7))
  }

  u64(): number | bigint {
    return u64(this.buffer, this.take(8))
  }

  u64AsDouble(): number {
    return u64AsDouble(this.buffer, this.take(8))
  }

  /** Length-encoded integer (MySQL manual, "Protocol::LengthEncodedInteger"). */
  lengthEncoded(): number {
    const first = this.u8()
    if (first < 0xfb) return first
    if (first === 0xfc) return this.u16()
    if (first === 0xfd) return this.u16() | (this.u8() << 16)
    if (first === 0xfe) return this.u64AsDouble()
    throw corrupt(`0x${first.toString(16)} does not begin a length`)
  }

  utf8(length: number): string {
    const start = this.take(length)
    return this.buffer.toString('utf8', start, this.at)
  }
}
