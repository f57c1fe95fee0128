/** Whether a subject is among these patterns: `*` is one part, `>` at the end all that follow. None: any is. */
export function matchesSubjects(subject: string, patterns: readonly string[]): boolean {
  const parts = subject.split('.')
  return patterns.length === 0 || patterns.some((pattern) => matches(parts, pattern.split('.')))
}

function matches(parts: readonly string[], pattern: readonly string[]): boolean {
  for (const [i, each] of pattern.entries()) {
    if (each === '>') return parts.length > i
    if (parts[i] === undefined || (each !== '*' && each !== parts[i])) return false
  }
  return parts.length === pattern.length
}

/** Whether there can be a subject that both patterns match. */
export function subjectsMeet(one: string, other: string): boolean {
  const [parts, others] = [one.split('.'), other.split('.')]
  for (let i = 0; i < Math.min(parts.length, others.length); i++) {
    const [part, against] = [parts[i]!, others[i]!]
    if (part === '>' || against === '>') return true
    if (part !== '*' && against !== '*' && part !== against) return false
  }
  return parts.length === others.length
}
