/** `npm run test:durations -- REPORT.json`: keeps what the JSON report of a whole run says of files that took long. */
import { readFileSync, writeFileSync } from 'node:fs'
import { longOnes } from './durations.ts'
import type { Report } from './durations.ts'

const report = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Report
const path = new URL('./test-durations.json', import.meta.url)
writeFileSync(path, `${JSON.stringify(longOnes(report), null, 2)}\n`)
