import type { Gap } from '../../model/gap.ts'
import { printPosition } from '../../model/gap-event.ts'

const LONGEST = 200

/** One line: when, what is gone, and where reading went on. */
export function describeGap({ at, code, missing, from, to, onGap }: Gap): string {
  const gone = missing ?? (from === null ? 'not known' : `from ${printPosition(from)} on`)
  return `${new Date(at).toISOString()} ${code}: skipped ${shorten(gone)}, went on at ${onGap}: ${shorten(printPosition(to))}`
}

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
