import type { Problem } from './errors.ts'

/** A problem as one line of a log: place, what is wrong, what would be right. */
export function problemLine({ location, message, hint }: Problem): string {
  const place = location === undefined ? '' : `${location.file}:${location.line}:${location.column} `
  return `${place}${message}${hint === undefined ? '' : ` (${hint})`}`
}
