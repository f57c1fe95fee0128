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
