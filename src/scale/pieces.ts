import { compareOrdinals, type Ordinal } from './contract.ts'

/**
 * A record that is larger than the log takes is appended in pieces, one behind the other in its share. A whole record is JSON
 * and begins with `[`; a piece begins with the record's ordinal, its own number, and whether there are more of them: other
 * records may come in between, of a reader that was replaced and does not know it yet.
 */
const HEAD = /^<(\d+)\.(\d+)\.(\d+)([->])/
const MORE = '-'
const LAST = '>'
/** Three numbers and what stands between them. */
const MOST_HEAD_BYTES = 40

/** Bytes are at most three for each UTF-16 code unit. */
const MOST_BYTES_PER_UNIT = 3

export function piecesOf(text: string, { epoch, number }: Ordinal, mostBytes: number): readonly string[] {
  if (text.length * MOST_BYTES_PER_UNIT <= mostBytes || Buffer.byteLength(text) <= mostBytes) return [text]
  const units = Math.floor((mostBytes - MOST_HEAD_BYTES) / MOST_BYTES_PER_UNIT)
  const pieces: string[] = []
  for (let from = 0; from < text.length;) {
    // A character of two units stays whole.
    const isSplit = /[\ud800-\udbff]/.test(text[from + units - 1] ?? '')
    const end = Math.min(text.length, from + units - Number(isSplit))
    const mark = end === text.length ? LAST : MORE
    pieces.push(`<${epoch}.${number}.${pieces.length}${mark}${text.slice(from, end)}`)
    from = end
  }
  return pieces
}

/** Puts the pieces of one share together again. */
export class Pieces {
  /** Of the record that is being put together. */
  #ordinal: Ordinal = { epoch: -1, number: -1 }
  #parts: string[] = []

  /** The record that is complete with this; null: there is more of it to come, or this piece is of no account. */
  add(body: string): string | null {
    const head = HEAD.exec(body)
    if (head === null) return body
    const ordinal = { epoch: Number(head[1]), number: Number(head[2]) }
    const place = Number(head[3])
    const order = compareOrdinals(ordinal, this.#ordinal)
    // Of a reader that was replaced, or again what is there.
    if (order < 0 || (place > 0 && (order > 0 || place !== this.#parts.length))) return null
    // What was begun and not ended, for want of an answer or by a reader that was killed, is begun again.
    if (place === 0) this.#parts = []
    this.#ordinal = ordinal
    this.#parts.push(body.slice(head[0].length))
    if (head[4] === MORE) return null
    const whole = this.#parts.join('')
    this.#parts = []
    return whole
  }
}
