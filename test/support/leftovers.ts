import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder } from './temporary-folder.ts'

/** Watchdogs of servers that a test has left clean up when its process ends. */
const PATIENCE_MS = 20_000
/** Of Node.js and npm, which keep it for the next time. */
const CACHE = 'node-compile-cache'
/** Of the processes that tests start: they compile the same sources hundreds of times. A later run finds it as well. */
const COMPILED = new URL('../../node_modules/.cache/compiled', import.meta.url).pathname
/** Folders of what a fault run found, which its message names. */
const EVIDENCE = 'faults-'
/** A file that says that an attempt of some test has failed: it was cut off and may not have cleaned up. */
export const FAILED_ATTEMPT = 'an-attempt-failed'

/**
 * Gives all tests of a run one temporary folder, and fails the run where something is left in it at the end, or where a
 * process is left that was started from it.
 */
export default function setup(): (() => Promise<void>) | undefined {
  if (process.env['BINGO_TESTS_FOLDER'] !== undefined) return undefined
  const folder = mkdtempSync(join(temporaryFolder(), 'bingo-tests-'))
  // PostgreSQL runs as another user.
  chmodSync(folder, 0o755)
  process.env['BINGO_TESTS_FOLDER'] = folder
  process.env['TMPDIR'] = folder
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED
  return async () => {
    const deadline = Date.now() + PATIENCE_MS
    while (leftIn(folder).length > 0 && Date.now() < deadline) await delay(100)
    const left = leftIn(folder)
    const names = readdirSync(folder)
    const hasEvidence = names.some((name) => name.startsWith(EVIDENCE))
    const removed = hasEvidence ? names.filter((name) => !name.startsWith(EVIDENCE)) : ['']
    for (const name of removed) rmSync(join(folder, name), { recursive: true, force: true })
    if (left.length === 0) return
    const message = `the tests have left:\n  ${left.join('\n  ')}`
    if (!names.includes(FAILED_ATTEMPT)) throw new Error(message)
    // The failure is told with its test, and this may be what it was cut off from.
    process.stderr.write(`${message}\n`)
    for (const pid of pidsOf(folder)) process.kill(pid, 'SIGKILL')
  }
}

function leftIn(folder: string): string[] {
  const kept = [CACHE, FAILED_ATTEMPT]
  const files = readdirSync(folder).filter((name) => !kept.includes(name) && !name.startsWith(EVIDENCE))
  const processes = pidsOf(folder).map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
  return [...files.map((name) => join(folder, name)), ...processes]
}

/** Whose command line or home names the folder. The workers that run the tests only have it as TMPDIR. */
function pidsOf(folder: string): number[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) => read(`/proc/${pid}/cmdline`).includes(folder) || read(`/proc/${pid}/environ`).includes(`HOME=${folder}`),
    )
    .map(Number)
}

/** Empty for a process that has ended, or is another user's. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
