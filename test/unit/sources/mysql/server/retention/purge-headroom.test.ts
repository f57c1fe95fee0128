import { describe, expect, it } from 'vitest'
import type { SourcePosition } from '../../../../../../src/model/source/position.ts'
import { isPurgeNear } from '../../../../../../src/model/source/retention.ts'
import {
  purgeHeadroom,
  type RetentionFacts,
} from '../../../../../../src/sources/mysql/server/retention/purge-headroom.ts'

const HOUR_MS = 3_600_000
const NOW = 1_800_000_000_000
const created: Record<string, number> = { 'binlog.000002': NOW / 1_000 - 50_000, 'binlog.000003': NOW / 1_000 - 36_000 }
const needed = (file: string, offset = 4): SourcePosition => ({ flavour: 'mysql', file, offset, gtidSet: null })

const facts = (change: Partial<RetentionFacts> & { kept?: string }): RetentionFacts => ({
  files: ['binlog.000001', 'binlog.000002', 'binlog.000003'].map((name) => ({ name, size: 1_000 })),
  variables: new Map([['binlog_expire_logs_seconds', change.kept ?? '86400']]),
  serverNowMs: NOW,
  needed: needed('binlog.000002', 400),
  committedAtMs: 0,
  fileCreated: (file) => created[file] ?? 0,
  ...change,
})

describe('the purge headroom', () => {
  it('counts from when the needed file was closed, which is when the next one was created', () => {
    const retention = purgeHeadroom(facts({}))!
    expect(retention).toEqual({
      keptMs: 24 * HOUR_MS,
      headroomMs: 14 * HOUR_MS,
      headroomBytes: null,
      backlogBytes: 1_600,
    })
    expect(isPurgeNear(retention)).toBe(false)
    expect(isPurgeNear(purgeHeadroom(facts({ kept: '40000' }))!)).toBe(true)
  })

  it('is all of it for the newest file, which no server purges', () => {
    expect(purgeHeadroom(facts({ needed: needed('binlog.000003') }))!.headroomMs).toBe(24 * HOUR_MS)
  })

  it('errs on the short side where the next file is not known: from the last commit that lies in the needed one', () => {
    const early = { needed: needed('binlog.000001'), fileCreated: () => 0, committedAtMs: NOW - 20 * HOUR_MS }
    expect(purgeHeadroom(facts(early))!.headroomMs).toBe(4 * HOUR_MS)
  })

  it('is never below zero: what is due stays until the next rotation', () => {
    expect(purgeHeadroom(facts({ kept: '60' }))!.headroomMs).toBe(0)
  })

  it('is in days on older servers, and endless where nothing is purged', () => {
    const old = facts({ variables: new Map([['expire_logs_days', '1.000000']]) })
    expect(purgeHeadroom(old)!.headroomMs).toBe(14 * HOUR_MS)
    for (const variables of [
      new Map([['binlog_expire_logs_seconds', '0']]),
      new Map([
        ['binlog_expire_logs_seconds', '3600'],
        ['binlog_expire_logs_auto_purge', 'OFF'],
      ]),
    ]) {
      const retention = purgeHeadroom(facts({ variables }))!
      expect(retention).toMatchObject({ keptMs: null, headroomMs: null })
      expect(isPurgeNear(retention)).toBe(false)
    }
  })

  it('is in bytes where the server bounds the size of its binlogs', () => {
    const bounded = facts({ variables: new Map([['max_binlog_total_size', '2400']]) })
    const retention = purgeHeadroom(bounded)!
    expect(retention).toMatchObject({ headroomBytes: 400, backlogBytes: 1_600 })
    expect(isPurgeNear(retention)).toBe(true)
  })

  it('is not known while the position is in a file of another server', () => {
    expect(purgeHeadroom(facts({ needed: needed('other.000009') }))).toBe(null)
  })
})
