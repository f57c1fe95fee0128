import type { Problem } from '../../model/errors.ts'
import { onOneLine, printable } from '../../model/printable.ts'

const CSI = '\u001B['
/** Longest piece of a source line that is shown. */
const MAX_WIDTH = 120

type Paint = (text: string) => string

/**
 * Problems as a compiler prints them: place, severity, code and message, the source line, a caret, and what would be
 * right. Errors and warnings in the order of files and lines.
 */
export function formatProblems(problems: readonly Problem[], options: { readonly color: boolean }): string {
  const paint =
    (code: string): Paint =>
    (text) =>
      options.color ? `${CSI}${code}m${text}${CSI}0m` : text
  const style = {
    error: paint('1;31'),
    warning: paint('1;33'),
    note: paint('1;36'),
    dim: paint('2'),
    bold: paint('1'),
    hint: paint('36'),
  }
  return problems
    .toSorted(byPlace)
    .map((problem) => formatProblem(problem, style))
    .join('\n')
}

interface Style {
  readonly error: Paint
  readonly warning: Paint
  readonly note: Paint
  readonly dim: Paint
  readonly bold: Paint
  readonly hint: Paint
}

function formatProblem({ code, severity, location, message, hint }: Problem, style: Style): string {
  const place = location && `${onOneLine(location.file)}:${location.line}:${location.column}`
  const lines = [
    `${place ? `${style.bold(place)} ` : ''}${style[severity](severity)} ${style.dim(code)} ${printable(message)}`,
  ]
  if (location?.excerpt !== undefined && location.excerpt.trim() !== '') {
    const { text, column } = window(location.excerpt, location.column)
    const number = String(location.line)
    lines.push(`  ${style.dim(`${number} |`)} ${text}`)
    lines.push(`  ${style.dim(`${' '.repeat(number.length)} |`)} ${caretUnder(text, column, style[severity])}`)
  }
  if (hint !== undefined) lines.push(`    ${style.hint('hint:')} ${printable(hint)}`)
  return `${lines.join('\n')}\n`
}

/** The part of a long line around the column. */
function window(line: string, column: number): { text: string; column: number } {
  const start = column > MAX_WIDTH ? column - MAX_WIDTH / 2 : 0
  return { text: printable(line.slice(start, start + MAX_WIDTH)), column: column - start }
}

/** Tabs before the caret are repeated, so that it stands right whatever their width. */
function caretUnder(text: string, column: number, paint: Paint): string {
  return text.slice(0, Math.max(0, column - 1)).replaceAll(/[^\t]/g, ' ') + paint('^')
}

function byPlace(a: Problem, b: Problem): number {
  const fileA = a.location?.file ?? ''
  const fileB = b.location?.file ?? ''
  if (fileA !== fileB) return fileA < fileB ? -1 : 1
  return (a.location?.line ?? 0) - (b.location?.line ?? 0) || (a.location?.column ?? 0) - (b.location?.column ?? 0)
}
