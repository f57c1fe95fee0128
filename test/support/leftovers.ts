import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Watchdogs of servers that a test has left clean up when its process ends. */
const PATIENCE_MS = 20_000
/** Of Node.js and npm, which keep it for the next time. */
const CACHE = 'node-compile-cache'
/** Of the processes that tests start: they compile the same sources hundreds of times. A later run finds it as well. */
const COMPILED = new URL('../../node_modules/.cache/compiled', import.meta.url).pathname
/** Folders of what a fault run found, which its message names. */
const EVIDENCE = 'faults-'

/**
 * Gives all tests of a run one temporary folder, and fails the run where something is left in it at the end, or where a
 * process is left that was started from it.
 */
export default function setup(): (() => Promise<void>) | undefined {
  if (process.env['BINGO_TESTS_FOLDER'] !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'bingo-tests-'))
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
    if (left.length > 0) throw new Error(`the tests have left:\n  ${left.join('\n  ')}`)
  }
}

function leftIn(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name !== CACHE && !name.startsWith(EVIDENCE))
  return [...files.map((name) => join(folder, name)), ...processesOf(folder)]
}

/** Whose command line or home names the folder. The workers that run the tests only have it as TMPDIR. */
function processesOf(folder: string): string[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
      const isOurs = command.includes(folder) || read(`/proc/${pid}/environ`).includes(`HOME=${folder}`)
      return isOurs ? [`process ${pid}: ${command}`] : []
    })
}

/** Empty for a process that has ended, or is another user's. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
