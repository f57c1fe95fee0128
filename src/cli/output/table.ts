import { onOneLine } from '../../model/printable.ts'

/**
 * Lines of a plain table: columns two blanks apart, numbers to the right. `atLeast` are widths of the columns, which grow
 * with the rows: for a table that is printed in parts.
 */
export function table(rows: readonly (readonly (string | number)[])[], atLeast: number[] = []): string[] {
  const widths = atLeast
  const shown = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell : onOneLine(cell))))
  for (const row of shown) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, String(cell).length)
  }
  return shown.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column]!
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}
