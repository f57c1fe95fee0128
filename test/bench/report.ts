import { cpus } from 'node:os'

/** One line of the table: what was measured beside what, in the same run. */
export interface Row {
  readonly section: string
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What it is compared with; `ratio` = value / baseline. */
  readonly baseline?: { readonly name: string; readonly value: number }
  readonly note?: string
}

/** Makes the rows of one section. */
export function rowsIn(section: string) {
  return (name: string, value: number, unit: string, more: Pick<Row, 'baseline' | 'note'> = {}): Row => ({
    section,
    name,
    value,
    unit,
    ...more,
  })
}

export function machine(): string {
  const [first] = cpus()
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}, Node ${process.version}, ${process.platform}`
}

export function printTable(rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.section,
    row.name,
    `${format(row.value)} ${row.unit}`,
    row.baseline ? `${format(row.baseline.value)} (${row.baseline.name})` : '',
    row.baseline ? `${(row.value / row.baseline.value).toFixed(2)}x` : '',
    row.note ?? '',
  ])
  const header = ['', 'what', 'measured', 'baseline', 'ratio', '']
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)))
  for (const line of [header, ...cells]) {
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
  }
}

export function printJson(rows: readonly Row[]): void {
  console.log(JSON.stringify({ machine: machine(), rows }, null, 2))
}

function format(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1)
}
