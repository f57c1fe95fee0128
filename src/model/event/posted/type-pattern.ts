/**
 * Compiles a pattern of dotted types: `*` is exactly one part, `**` at the end any number of parts, `*` alone everything.
 */
export function typePattern(pattern: string): (type: string) => boolean {
  if (pattern === '*' || pattern === '**') return () => true
  if (!pattern.includes('*')) return (type) => type === pattern
  const open = pattern.endsWith('.**')
  const parts = (open ? pattern.slice(0, -'.**'.length) : pattern).split('.')
  return (type) => {
    const given = type.split('.')
    if (open ? given.length < parts.length : given.length !== parts.length) return false
    return parts.every((part, i) => part === '*' || part === given[i])
  }
}
