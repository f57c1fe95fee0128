/** Of files that took less than this, nobody asks whether they come first. */
const LONG_S = 10

/** A JSON report of Vitest, as far as it says how long each file took. */
export interface Report {
  readonly testResults: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[]
}

/** Path of a test file as the table of durations has it, whatever folder its repository lies in. */
export function pathFromTest(file: string): string {
  const path = file.replaceAll('\\', '/')
  const at = path.lastIndexOf('/test/')
  if (at < 0) throw new Error(`${file} is in no folder test/: only the files of the suite are recorded`)
  return path.slice(at + 1)
}

/** Seconds of the files that took long. */
export function longOnes({ testResults }: Report): { readonly [file: string]: number } {
  const durations = testResults
    .map(({ name, startTime, endTime }) => [pathFromTest(name), Math.round((endTime - startTime) / 1_000)] as const)
    .filter(([, seconds]) => seconds >= LONG_S)
    .sort(([one], [other]) => one.localeCompare(other))
  return Object.fromEntries(durations)
}
