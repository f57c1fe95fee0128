/**
 * A record that is larger than the log takes is appended in pieces, one behind the other in its share. A whole record is
 * JSON and begins with `[`; pieces begin with one of these.
 */
const FIRST = '<'
const NEXT = '-'
const LAST = '>'

/** Bytes are at most three for each UTF-16 code unit. */
const MOST_BYTES_PER_UNIT = 3

export function piecesOf(text: string, mostBytes: number): readonly string[] {
  if (text.length * MOST_BYTES_PER_UNIT <= mostBytes || Buffer.byteLength(text) <= mostBytes) return [text]
  const units = Math.floor(mostBytes / MOST_BYTES_PER_UNIT) - 1
  const pieces: string[] = []
  for (let from = 0; from < text.length;) {
    // A character of two units stays whole.
    const isSplit = /[\ud800-\udbff]/.test(text[from + units - 1] ?? '')
    const end = Math.min(text.length, from + units + Number(isSplit))
    const mark = from === 0 ? FIRST : end === text.length ? LAST : NEXT
    pieces.push(mark + text.slice(from, end))
    from = end
  }
  return pieces
}

/** Puts the pieces of one share together again. */
export class Pieces {
  #parts: string[] = []

  /** The record that is complete with this; null: there is more of it to come. */
  add(body: string): string | null {
    switch (body[0]) {
      case FIRST:
        // What a reader that was killed has begun, the next one begins again.
        this.#parts = [body.slice(1)]
        return null
      case NEXT:
        this.#parts.push(body.slice(1))
        return null
      case LAST: {
        const parts = this.#parts
        this.#parts = []
        return parts.length === 0 ? '' : parts.join('') + body.slice(1)
      }
      default:
        this.#parts = []
        return body
    }
  }
}
