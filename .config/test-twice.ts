/**
 * All tests (or those of the paths that follow), as `npm test` runs them; then the files in which one failed once more, with servers and processes of their own,
 * so that a change is not refused because a server or the machine was slow once. What passes only then is printed: it is a
 * defect of the test. Many files that fail are no accident, and fail at once. Ends with the counts of both attempts together.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathFromTest } from './durations.ts'

/** More than these are broken, not unlucky. */
const MOST_FILES = 5

/** What is used of Vitest's JSON report. */
interface Report {
  readonly testResults: readonly FileResult[]
}
interface FileResult {
  readonly name: string
  readonly status: 'passed' | 'failed'
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

const folder = mkdtempSync(join(tmpdir(), 'bingo-reports-'))
try {
  process.exitCode = runTwice()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function runTwice(): number {
  const first = run('first', process.argv.slice(2))
  const failed = first.files.filter(hasFailed)
  if (first.status === 0 || failed.length === 0 || failed.length > MOST_FILES) {
    printCounts(first.files)
    return first.status
  }
  const paths = failed.map(({ name }) => pathFromTest(name))
  console.log(`\n== second attempt: ${paths.join(' ')}`)
  const second = run('second', paths)
  const again = new Map(second.files.map((file) => [file.name, file]))
  if (second.status === 0) console.log(`\npassed at the second attempt only:\n  ${failuresIn(failed).join('\n  ')}`)
  printCounts(first.files.map((file) => again.get(file.name) ?? file))
  return second.status
}

function run(
  name: string,
  paths: readonly string[],
): { readonly status: number; readonly files: readonly FileResult[] } {
  const report = join(folder, `${name}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync('npm', ['test', '--', ...reporters, ...paths], { stdio: 'inherit' })
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  return { status: status ?? 1, files: testResults }
}

function hasFailed({ status, assertionResults }: FileResult): boolean {
  return status === 'failed' || assertionResults.some((test) => test.status === 'failed')
}

function failuresIn(files: readonly FileResult[]): string[] {
  return files.flatMap(({ name, assertionResults }) => {
    const tests = assertionResults.filter(({ status }) => status === 'failed')
    // Without one: the file itself, or what it prepares, failed.
    return tests.length === 0 ? [pathFromTest(name)] : tests.map((test) => `${pathFromTest(name)} > ${test.fullName}`)
  })
}

function printCounts(files: readonly FileResult[]): void {
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const count = (status: string): number => tests.filter((test) => test.status === status).length
  const others = tests.length - count('passed') - count('failed')
  const skipped = others === 0 ? '' : `, ${others} skipped`
  const failedFiles = files.filter(hasFailed).length
  console.log(`\n Test Files  ${files.length - failedFiles} passed, ${failedFiles} failed (${files.length})`)
  console.log(`${count('passed')} passed, ${count('failed')} failed${skipped}`)
}
