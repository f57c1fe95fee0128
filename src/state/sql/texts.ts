import { hash } from 'node:crypto'

/** Before a text that a column cannot hold as it is: it stands there as JSON. */
const AS_JSON = '\u0001'

/** Stands for a text of any length in indexes. */
export function hashOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}

/** What a column holds of a text: PostgreSQL knows no U+0000, and neither server a half of a character. */
export function columnText(text: string): string {
  if (!text.includes('\u0000') && !text.startsWith(AS_JSON) && text.isWellFormed()) return text
  return AS_JSON + JSON.stringify(text)
}

/** The text of a column; MySQL gives bytes. What only begins like JSON, by another hand, is a text like any other. */
export function textOf(value: unknown): string {
  const text = Buffer.isBuffer(value) ? value.toString('utf8') : String(value)
  return text.startsWith(AS_JSON) ? (textIn(text.slice(AS_JSON.length)) ?? text) : text
}

function textIn(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : textOf(value)
}

/** So many at once, and no more of one statement than servers take: MariaDB has a limit of 16 MiB. */
export function chunksOf<T>(items: readonly T[], most: number, lengthOf: (item: T) => number = () => 0): T[][] {
  const chunks: T[][] = []
  let length = 0
  for (const item of items) {
    const more = lengthOf(item)
    const last = chunks.at(-1)
    if (last === undefined || last.length === most || length + more > MOST_LENGTH) {
      chunks.push([item])
      length = more
    } else {
      last.push(item)
      length += more
    }
  }
  return chunks
}

/** Characters of the texts of one statement. */
const MOST_LENGTH = 1 << 21
