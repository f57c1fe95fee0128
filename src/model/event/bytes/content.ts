/**
 * UTF-8 text in a buffer that it shares with its neighbours, `buffer[start, end)`, which never changes. Keeping it keeps
 * the whole buffer: whoever needs it for longer than its job lives copies it.
 */
export class Utf8Bytes {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer
    this.start = start
    this.end = end
  }

  get length(): number {
    return this.end - this.start
  }

  toString(): string {
    return this.buffer.toString('utf8', this.start, this.end)
  }
}

/**
 * The text of a message, as a target gets it: bytes where they were written straight from a row image, a string
 * everywhere else (posted events, statements, what is sent again).
 */
export type Content = string | Utf8Bytes

/** Of the bytes a view, of a string its UTF-8. */
export function contentBytes(content: Content): Buffer {
  if (typeof content === 'string') return Buffer.from(content)
  return content.buffer.subarray(content.start, content.end)
}

export function contentLength(content: Content): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length
}

/** Copies the content to `into`, which has room for it; answers how many bytes it has. */
export function writeContent(content: Content, into: Buffer, at: number): number {
  if (typeof content === 'string') return into.write(content, at)
  return content.buffer.copy(into, at, content.start, content.end)
}
