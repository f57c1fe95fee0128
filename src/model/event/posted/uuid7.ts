import { randomFillSync } from 'node:crypto'

/** Random bytes for many ids at a time: asking for them is what costs. */
const pool = Buffer.alloc(8_192)
let used = pool.length

/** A UUID of version 7 (RFC 9562): ids of later milliseconds sort behind. */
export function uuid7(nowMs: number): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const time = Math.max(0, Math.floor(nowMs)).toString(16).padStart(12, '0').slice(-12)
  const random = pool.toString('hex', used, used + 10)
  used += 10
  const variant = ((Number.parseInt(random[3]!, 16) & 0x3) | 0x8).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`
}
