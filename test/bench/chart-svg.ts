import type { Range } from './chart-data.ts'

export interface Bar extends Range {
  readonly label: string
  /** BinGo, or what it is measured beside: told apart by colour and by the label. */
  readonly of: 'bingo' | 'baseline'
}

export interface BarChart {
  readonly title: string
  readonly caption: string
  readonly unit: string
  /** What one unit of the axis is: 1e6 for millions. */
  readonly scale: number
  readonly bars: readonly Bar[]
}

const WIDTH = 760
const LABELS = 300
const VALUES = 110
const ROW = 30
const TOP = 64

/** Blue and orange of the palette of Okabe and Ito, which people with any colour vision tell apart. */
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-size: 16px; font-weight: 600 }
    .quiet { fill: #59636e; font-size: 12px }
    .bingo { fill: #0072b2 }
    .baseline { fill: #d98e00 }
    .spread { fill-opacity: 0.45 }
    .axis { stroke: #8c959f; stroke-width: 1 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .quiet { fill: #9198a1 }
      .bingo { fill: #56b4e9 }
      .baseline { fill: #e69f00 }
    }`

/** Horizontal bars: full colour up to the lowest run, pale from there to the highest. */
export function barChart({ title, caption, unit, scale, bars }: BarChart): string {
  const longest = Math.max(...bars.map(({ high }) => high))
  const width = (value: number): number => Math.round((value / longest) * (WIDTH - LABELS - VALUES) * 10) / 10
  const height = TOP + bars.length * ROW + 14
  const rows = bars.map(({ label, of, low, high }, i) => {
    const y = TOP + i * ROW
    const end = LABELS + width(high)
    return `
  <text x="${LABELS - 12}" y="${y + 17}" text-anchor="end">${escape(label)}</text>
  <rect class="${of}" x="${LABELS}" y="${y + 3}" width="${width(low)}" height="20"/>
  <rect class="${of} spread" x="${LABELS + width(low)}" y="${y + 3}" width="${round(end - LABELS - width(low))}" height="20"/>
  <text x="${round(end + 8)}" y="${y + 17}">${spread(low / scale, high / scale)} ${escape(unit)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">
  <style>${STYLE}
  </style>
  <text class="title" x="16" y="26">${escape(title)}</text>
  <text class="quiet" x="16" y="46">${escape(caption)}</text>${rows.join('')}
  <line class="axis" x1="${LABELS}" y1="${TOP - 4}" x2="${LABELS}" y2="${height - 10}"/>
</svg>
`
}

function spread(low: number, high: number): string {
  const [from, to] = [low, high].map((value) => String(Number(value.toPrecision(2))))
  return from === to ? from! : `${from}–${to}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
