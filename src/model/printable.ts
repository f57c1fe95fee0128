/**
 * For people: what servers say, and rows and files hold, may be a sequence that a terminal obeys. Control characters become
 * blanks, but for tabs and ends of lines.
 */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- exactly these must not reach a terminal
  return text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, ' ')
}

/** The same for one cell of a table, or one line: no control character is left. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}
