import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../src/model/clock.ts'
import { MemoryLease } from '../../../../src/state/lease/memory-lease.ts'
import { SqliteLease } from '../../../../src/state/sqlite/lease.ts'
import { StateFile } from '../../../../src/state/sqlite/state-file.ts'
import { silentLog } from '../../../support/jobs.ts'
import { describeLease, describeToldRelease } from './contract.ts'
import type { OpenLease } from './contract.ts'

const TTL_MS = 400
const folder = mkdtempSync(join(tmpdir(), 'bingo-leases-'))
const options = { path: join(folder, 'state'), name: 'bingo', letters: false, log: silentLog }
const file = new StateFile(options)
/** As another process would have it. */
const beside = new StateFile(options)

afterAll(() => {
  file.close()
  beside.close()
  rmSync(folder, { recursive: true })
})

const leases = new Map()
const inMemory: OpenLease = (name, holder, ttlMs) =>
  new MemoryLease(leases, { name, holder, ttlMs, clock: systemClock })
const inFile: OpenLease = (name, holder, ttlMs) =>
  new SqliteLease(() => (holder === 'first' ? file : beside).open(), {
    name,
    holder,
    ttlMs,
    clock: systemClock,
    place: 'state',
  })

describe.each([
  ['memory', inMemory],
  ['a state file', inFile],
])('a lease in %s', (_kind, open) => {
  describeLease(open, TTL_MS)
  describeToldRelease(open, TTL_MS)
})

test('a wall clock that is set back does not extend a lease in a file beyond its term', async () => {
  let nowMs = 1_000_000_000
  const clock = { ...systemClock, now: () => nowMs }
  const lease = (holder: string) =>
    new SqliteLease(() => file.open(), { name: 'jump', holder, ttlMs: 10_000, clock, place: 'state' })
  await lease('first').ask()
  nowMs -= 500_000_000
  expect(await lease('second').ask()).toEqual({ tag: 'other', holder: 'first', remainingMs: 10_000 })
  nowMs += 10_000
  expect(await lease('second').ask()).toMatchObject({ tag: 'taken' })
})

test('a state file that cannot be opened is an error that may pass', async () => {
  const nowhere = new StateFile({ ...options, path: '/dev/null/state' })
  const lease = new SqliteLease(() => nowhere.open(), {
    name: 'x',
    holder: 'x',
    ttlMs: 1,
    clock: systemClock,
    place: 'p',
  })
  await expect(lease.ask()).rejects.toMatchObject({ code: 'BINGO_LEASE_UNREACHABLE', retryable: true })
})
