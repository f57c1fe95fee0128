import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openCheckpointStore, openDeadLetterStore } from '../../src/state/open.ts'
import { storedCheckpoint as checkpoint } from '../support/checkpoints.ts'
import { silentLog } from '../support/jobs.ts'
import { writeOldCheckpoint, writeOldLetters } from '../support/old-state.ts'
import { letter, listed, ROOMY } from '../unit/state/dead-letters/contract.ts'

const DIE_AT = fileURLToPath(new URL('../support/die-at.ts', import.meta.url))
const OPEN = new URL('../../src/state/open.ts', import.meta.url).href
/** A process for each step: minutes on a machine that is busy with other work. */
const TIMEOUT_MS = 900_000
/** More than the move has; it ends before. */
const MOST_STEPS = 200

/** Moves the state of BinGo 0.1 in a process that dies before its Nth step; false when it came to its end before. */
function dies(path: string, step: number): boolean {
  const script = `
    const { openCheckpointStore } = await import(${JSON.stringify(OPEN)})
    const log = { info() {}, warn() {}, error() {}, debug() {}, child: () => log }
    const settings = { name: 'bingo', checkpoint: ${JSON.stringify(`file:${path}`)}, deadLetters: undefined, log }
    await (await openCheckpointStore(settings)).load()
    process.exit()`
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    ['--import', DIE_AT, '--input-type=module', '-e', script],
    { env: { ...process.env, DIE_AT: String(step) }, encoding: 'utf8' },
  )
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(stderr)
  return signal === 'SIGKILL'
}

test(
  'moving the state of BinGo 0.1 into a state file survives kill -9 at every step',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bingo-migration-'))
    let step = 0
    for (let killed = true; killed && step < MOST_STEPS;) {
      step += 1
      const path = join(folder, String(step), 'checkpoint')
      writeOldCheckpoint(path, checkpoint)
      writeOldLetters(`${path}.dead-letters`, [letter(1), letter(2), letter(3)]).close()
      killed = dies(path, step)
      const settings = { name: 'bingo', checkpoint: `file:${path}`, deadLetters: undefined, log: silentLog }
      const checkpoints = await openCheckpointStore(settings)
      expect(await checkpoints.load()).toEqual(checkpoint)
      await checkpoints.close()
      const letters = await openDeadLetterStore(settings, ROOMY)
      expect(await listed(letters)).toEqual(['1', '2', '3'])
      await letters.close()
    }
    rmSync(folder, { recursive: true })
    expect(step).toBeGreaterThan(15)
    expect(step).toBeLessThan(MOST_STEPS)
  },
  TIMEOUT_MS,
)
