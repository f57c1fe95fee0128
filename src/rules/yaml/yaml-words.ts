import type { YAMLError } from 'yaml'

export const TOO_DEEP = 'maps or lists are nested too deeply'
const QUOTE = 'put quotes around strings that contain any of : # { } [ ] , & * ! | > %'
export const TAG = {
  message: 'a value that begins with ! is a YAML tag, not a string',
  hint: 'put quotes around it, as in filter: "!…"',
}
const PLAIN_WORDS: { readonly [code in YAMLError['code']]?: { readonly message?: string; readonly hint: string } } = {
  TAB_AS_INDENT: {
    message: 'a tab is used for indentation',
    hint: 'indent with spaces, two per level: YAML does not allow tabs',
  },
  MULTIPLE_DOCS: {
    message: 'the file contains several YAML documents (---)',
    hint: 'put each into its own file',
  },
  BAD_INDENT: { hint: 'start entries of one level in the same column' },
  BLOCK_AS_IMPLICIT_KEY: { hint: QUOTE },
  UNEXPECTED_TOKEN: { hint: QUOTE },
  BAD_SCALAR_START: { hint: QUOTE },
  TAG_RESOLVE_FAILED: TAG,
  BAD_DQ_ESCAPE: { hint: String.raw`use single quotes, or double each backslash: \\` },
  MISSING_CHAR: { hint: QUOTE },
}

/** What the parser says, as people who write rules say it. */
export function plainWords({ code, message }: YAMLError): { message: string; hint: string | undefined } {
  const words = PLAIN_WORDS[code]
  return { message: words?.message ?? message, hint: words?.hint }
}

/** The bracket whose counterpart the parser misses. */
export function missingBracket(message: string): '{' | '[' | undefined {
  if (message.endsWith('end with a }')) return '{'
  return message.endsWith('end with a ]') ? '[' : undefined
}

/** `opened`: a quote or a bracket. */
export function notClosed(opened: string): { message: string; hint: string } {
  const closing = { '{': '}', '[': ']' }[opened]
  if (closing === undefined)
    return { message: 'the quote that opens here is not closed', hint: `put a ${opened} behind the value` }
  return {
    message: `the ${opened} that opens here is not closed`,
    hint: `close it with ${closing}, and indent the lines up to there`,
  }
}
