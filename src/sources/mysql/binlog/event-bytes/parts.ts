/** A piece of the code that writes an event: text that is the same in every row, or source. */
export type Part = { readonly text: string } | { readonly code: string }

/** The source of all parts in their order; texts that follow one another are written as one. */
export function joinedParts(parts: readonly Part[], textCode: (text: string) => string): string {
  let code = ''
  let text = ''
  for (const part of parts) {
    if ('text' in part) {
      text += part.text
      continue
    }
    if (text !== '') code += textCode(text)
    code += `\n${part.code}\n`
    text = ''
  }
  return text === '' ? code : code + textCode(text)
}
