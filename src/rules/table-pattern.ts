/** A compiled `table:` of a rule. */
export type TableMatcher = (schema: string, table: string) => boolean

/** What a pattern looks like, for hints. */
export const TABLE_PATTERN_HINT =
  'such as users, shop.users, shop.* or *.order_??; put names with dots, spaces or quotes in backticks: `sh.op`.`order items`'

/** In a compiled glob, beside the code units of literal text: any text, and any one character. */
const ANY = -1
const ONE = -2
type Glob = readonly number[]

/** A name in backticks, or one character. */
const SEGMENTS = /`(?:[^`]|``)*`|[^]/g
/** What may not stand in a name without backticks. */
const NEEDS_BACKTICKS = /[\s`"']/

/**
 * `users` (in any database), `shop.users`, with `*` for any text and `?` for one character in each part. What stands
 * between backticks is literal (a backtick in it is doubled), and both may be combined: `` `order `* ``. Undefined when
 * the pattern is malformed. Names are compared as the binlog has them, letter case included.
 */
export function compileTablePattern(pattern: string): TableMatcher | undefined {
  const parts = readParts(pattern)
  if (parts === undefined || parts.some((part) => part.length === 0)) return undefined
  const [schema, table] = parts.length === 1 ? [() => true, matcherOf(parts[0]!)] : parts.map(matcherOf)
  return (schemaName, tableName) => schema!(schemaName) && table!(tableName)
}

/** The pattern's one or two parts; only the first dot outside of backticks separates. Undefined when it is malformed. */
function readParts(pattern: string): number[][] | undefined {
  const parts: number[][] = [[]]
  for (const [segment] of pattern.matchAll(SEGMENTS)) {
    if (segment.length > 1) {
      const name = segment.slice(1, -1).replaceAll('``', '`')
      if (name === '') return undefined
      parts.at(-1)!.push(...literal(name))
    } else if (segment === '.' && parts.length === 1) parts.push([])
    else if (NEEDS_BACKTICKS.test(segment)) return undefined
    else parts.at(-1)!.push(...glob(segment))
  }
  return parts
}

/** Patterns separated by commas, which may stand in backticks too. */
export function splitTablePatterns(text: string): readonly string[] {
  const patterns = ['']
  for (const [segment] of text.matchAll(SEGMENTS)) {
    if (segment === ',') patterns.push('')
    else patterns.push(patterns.pop()! + segment)
  }
  return patterns.map((pattern) => pattern.trim())
}

/** The schema, where the text names one, and the table of `shop.users`; either may stand in backticks. */
export function splitTableName(text: string): readonly [string | undefined, string] {
  const parts = ['']
  for (const [segment] of text.matchAll(SEGMENTS)) {
    if (segment === '.' && parts.length === 1) parts.push('')
    else parts.push(parts.pop()! + (segment.length > 1 ? segment.slice(1, -1).replaceAll('``', '`') : segment))
  }
  return parts.length === 1 ? [undefined, parts[0]!] : [parts[0], parts[1]!]
}

/** `*` and `?` only. Linear in the length of the text times the number of `*`: no regular expression, no backtracking. */
export function compileGlob(pattern: string): (text: string) => boolean {
  return matcherOf(glob(pattern))
}

function literal(text: string): number[] {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
}

function glob(text: string): number[] {
  return Array.from(text, (character) =>
    character === '*' ? [ANY] : character === '?' ? [ONE] : literal(character),
  ).flat()
}

function matcherOf(pattern: Glob): (text: string) => boolean {
  if (pattern.length === 1 && pattern[0] === ANY) return () => true
  if (pattern.every((each) => each >= 0)) {
    const name = String.fromCharCode(...pattern)
    return (text) => text === name
  }
  return (text) => matchesGlob(pattern, text)
}

function matchesGlob(pattern: Glob, text: string): boolean {
  let at = 0
  let star = -1
  let starAt = 0
  let i = 0
  while (i < text.length) {
    if (pattern[at] === ANY) {
      star = at
      starAt = i
      at += 1
    } else if (at < pattern.length && (pattern[at] === ONE || pattern[at] === text.charCodeAt(i))) {
      at += 1
      i += 1
    } else if (star >= 0) {
      // The last star takes one character more.
      at = star + 1
      starAt += 1
      i = starAt
    } else {
      return false
    }
  }
  while (pattern[at] === ANY) at += 1
  return at === pattern.length
}
