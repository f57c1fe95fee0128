import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { StateFile } from '../../../../src/state/sqlite/state-file.ts'
import { SqliteWaitingStore } from '../../../../src/state/waiting/sqlite/store.ts'
import { silentLog } from '../../../support/jobs.ts'
import { describeLikeMemory } from './like-memory.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-waiting-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a store of waiting events in a file', () => {
  let files = 0
  describeLikeMemory(() => {
    const path = join(folder, `${++files}`)
    return () => new SqliteWaitingStore(new StateFile({ path, name: 'bingo', letters: true, log: silentLog }))
  }, 20)
})
