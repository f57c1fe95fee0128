import { printDuration } from '../model/quantity.ts'

/** "… (for 5 s)"; nothing is added where it is not known since when. Both times are milliseconds since 1970. */
export function since(message: string, atMs: number, nowMs: number): string {
  return atMs === 0 ? message : `${message} (for ${printDuration(Math.max(0, nowMs - atMs))})`
}
