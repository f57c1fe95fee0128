/** Events of one moment come one after the other. */
const latest = { ms: 0, text: new Date(0).toISOString() }

/** Of milliseconds since 1970; in each event several times, and mostly the same one. */
export function isoMoment(ms: number): string {
  if (ms !== latest.ms) {
    latest.text = new Date(ms).toISOString()
    latest.ms = ms
  }
  return latest.text
}
