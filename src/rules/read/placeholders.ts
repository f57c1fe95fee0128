import type { SourceText } from '../language/source-text.ts'
import { RULE_CODES } from '../codes.ts'
import type { Reporter } from '../reporter.ts'

/** `${id}`, as JavaScript and shells have it; `${API_TOKEN}` and `${kind:…}` are refused as unknown secrets. */
const DOLLAR = /\$\{\s*([a-z]\w*(?:\.\w+)*)\s*\}/
/** `{id}`, as Python and URL templates have it. */
const BRACES = /(?<![{$])\{\s*\.?([A-Za-z_]\w*(?:\.\w+)*)\s*\}(?!\})/

/**
 * Warns of what looks like the name of a column and is sent as it stands: one constant key would be written or deleted
 * for every row. `{…}` counts only in a text without any expression: beside one, it may be a hash tag of a Redis Cluster.
 */
export function warnOfPlaceholders(source: SourceText, kind: 'template' | 'text', reporter: Reporter): void {
  const { text } = source
  const found = DOLLAR.exec(text) ?? (text.includes('{{') ? null : BRACES.exec(text))
  if (found === null) return
  // A text that is JSON, or code in another language, has braces of its own.
  if (kind === 'text' && !found[0].startsWith('$') && /^\s*[[{]/.test(text)) return
  const message = `${found[0]} is sent literally, the same for every row`
  const hint = `write a column value as {{${found[1]}}}`
  reporter.warn(RULE_CODES.placeholder, source.locate(found.index), message, hint, source.ruleId)
}
