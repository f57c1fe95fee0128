import type { Scalar } from 'yaml'

/**
 * Offset in the file of the character at `offset` of a scalar's value: quotes, escapes, folded lines and the indentation
 * of block scalars lie in between. White space may be off by a few characters, everything else is exact.
 */
export function offsetInFile(scalar: Scalar, file: string, offset: number): number {
  const [start, end] = scalar.range!
  const value = String(scalar.value)
  const quote = scalar.type === 'QUOTE_DOUBLE' ? '"' : scalar.type === 'QUOTE_SINGLE' ? "'" : ''
  const isBlock = scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED'
  let at = isBlock ? file.indexOf('\n', start) + 1 : start + quote.length
  for (let i = 0; i < offset && at < end;) {
    if (quote === '"' && file[at] === '\\') {
      const escape = readEscape(file, at)
      at += escape.length
      i += escape.units
    } else if (isSpace(value[i]) || isSpace(file[at])) {
      const spaceEnd = skipSpace(value, i)
      const fileEnd = skipSpace(file, at)
      if (spaceEnd > offset) return Math.min(at + offset - i, fileEnd)
      i = spaceEnd
      at = fileEnd
    } else {
      at += quote === "'" && file[at] === "'" ? 2 : 1
      i += 1
    }
  }
  // Where a block scalar starts with white space (its indentation), the first character comes after it.
  return isBlock && !isSpace(value[offset]) ? skipSpace(file, at) : at
}

function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\n' || char === '\t' || char === '\r'
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text[at])) at += 1
  return at
}

const HEX_DIGITS: { readonly [letter: string]: number } = { x: 2, u: 4, U: 8 }

/** Length of an escape of a double-quoted scalar in the file, and of what it stands for (YAML 1.2, 5.7). */
function readEscape(file: string, at: number): { length: number; units: number } {
  const letter = file[at + 1] ?? ''
  if (letter === '\n' || letter === '\r') return { length: skipSpace(file, at + 1) - at, units: 0 }
  const digits = HEX_DIGITS[letter]
  if (digits === undefined) return { length: 2, units: 1 }
  const codePoint = Number.parseInt(file.slice(at + 2, at + 2 + digits), 16)
  return { length: 2 + digits, units: codePoint > 0xffff ? 2 : 1 }
}
