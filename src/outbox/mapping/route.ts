import { compileRe2 } from '../../rules/language/cel/values/re2.ts'

/** `$1`, `${name}`, and `\` before a character that stands for itself. */
const PARTS = /\\([^])|\$\{(\w+)\}|\$(\d)|([^\\$]+|[\\$])/g

/**
 * Rewrites a topic where all of it matches; one that does not match stays as it is. Throws an error whose message says what
 * is wrong with the pattern or the replacement.
 */
export function topicRoute(pattern: string, replacement: string): (value: string) => string {
  const expression = compileRe2(pattern)
  const names = Object.keys(expression.namedGroups())
  const groups = expression.groupCount()
  const parts = [...replacement.matchAll(PARTS)].map(([all, escaped, name, number, text]) => {
    if (escaped !== undefined) return { text: escaped }
    if (name !== undefined) {
      if (!names.includes(name)) throw new Error(`"${pattern}" has no group called ${name}`)
      return { group: name }
    }
    if (number !== undefined) {
      if (Number(number) > groups) throw new Error(`"${pattern}" has no group ${number}`)
      return { group: Number(number) }
    }
    return { text: text ?? all }
  })
  return (value) => {
    const matcher = expression.matcher(value)
    if (!matcher.matches()) return value
    return parts.map((part) => ('text' in part ? part.text : (matcher.group(part.group) ?? ''))).join('')
  }
}
