/** A compiled `table:` of a rule. */
export type TableMatcher = (schema: string, table: string) => boolean

/**
 * `users` (in any database), `shop.users`, with `*` for any text and `?` for one character in each part. Undefined when
 * the pattern is malformed. Names are compared as the binlog has them, letter case included.
 */
export function compileTablePattern(pattern: string): TableMatcher | undefined {
  if (pattern === '' || /[\s`"']/.test(pattern)) return undefined
  const dot = pattern.indexOf('.')
  const schemaPattern = dot < 0 ? '*' : pattern.slice(0, dot)
  const tablePattern = pattern.slice(dot + 1)
  if (schemaPattern === '' || tablePattern === '') return undefined
  const schema = compileGlob(schemaPattern)
  const table = compileGlob(tablePattern)
  return (schemaName, tableName) => schema(schemaName) && table(tableName)
}

/** `*` and `?` only. Linear in the length of the text times the number of `*`: no regular expression, no backtracking. */
export function compileGlob(glob: string): (text: string) => boolean {
  if (glob === '*') return () => true
  if (!/[*?]/.test(glob)) return (text) => text === glob
  return (text) => matchesGlob(glob, text)
}

function matchesGlob(glob: string, text: string): boolean {
  let at = 0
  let star = -1
  let starAt = 0
  let i = 0
  while (i < text.length) {
    if (glob[at] === '*') {
      star = at
      starAt = i
      at += 1
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === text[i])) {
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
  while (glob[at] === '*') at += 1
  return at === glob.length
}
