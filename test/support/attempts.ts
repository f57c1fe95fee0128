import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'
import { Daemon } from './daemon.ts'
import { FAILED_ATTEMPT } from './leftovers.ts'

// An attempt that failed by its time limit goes on behind it, and its file ends before it has cleaned up: its daemons are
// killed here, and whoever looks at what the run has left is told.
let hasFailed = false

afterEach(({ task }) => {
  if ((task.result?.errors?.length ?? 0) > 0) hasFailed = true
})

afterAll(async () => {
  if (!hasFailed) return
  const folder = process.env['BINGO_TESTS_FOLDER']
  if (folder !== undefined) writeFileSync(join(folder, FAILED_ATTEMPT), '')
  await Daemon.killAll()
})
