/** `npm run test:durations -- REPORT.json`: keeps what the JSON report of a whole run says of files that took long. */
import { readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'

const LONG_S = 10
const ROOT = new URL('..', import.meta.url).pathname

interface Report {
  readonly testResults: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[]
}

const { testResults } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Report
const durations = testResults
  .map(({ name, startTime, endTime }) => [relative(ROOT, name), Math.round((endTime - startTime) / 1_000)] as const)
  .filter(([, seconds]) => seconds >= LONG_S)
  .sort(([one], [other]) => one.localeCompare(other))
const path = new URL('./test-durations.json', import.meta.url)
writeFileSync(path, `${JSON.stringify(Object.fromEntries(durations), null, 2)}\n`)
