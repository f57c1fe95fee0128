import type { Gap } from '../../model/event/gap.ts'
import { printPosition } from '../../model/event/gap-event.ts'

const LONGEST = 200

/** One line: when, what is gone, and where reading resumed. */
export function describeGap({ at, code, missing, from, to, onGap }: Gap): string {
  const gone = missing ?? (from === null ? 'unknown' : `from ${printPosition(from)} on`)
  return `${new Date(at).toISOString()} ${code}: skipped ${shorten(gone)}, resumed at ${onGap}: ${shorten(printPosition(to))}`
}

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
