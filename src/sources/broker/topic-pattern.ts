/** Whether a name is a pattern, and not that of one topic. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text)
}

/** `*` stands for any characters, dots too; `?` for one. */
export function topicMatcher(patterns: readonly string[]): (topic: string) => boolean {
  const sources = patterns.map((pattern) =>
    pattern
      .replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.'),
  )
  const matches = new RegExp(`^(?:${sources.join('|')})$`, 's')
  return (topic) => matches.test(topic)
}
