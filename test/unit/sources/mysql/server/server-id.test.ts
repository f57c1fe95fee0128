import { describe, expect, it } from 'vitest'
import { replicaUuidFor, serverIdFor } from '../../../../../src/sources/mysql/server/server-id.ts'

describe('serverIdFor', () => {
  it('is stable for a name and in a range that is not used by hand', () => {
    expect(serverIdFor('bingo')).toBe(serverIdFor('bingo'))
    for (let i = 0; i < 1_000; i++) {
      const id = serverIdFor(`instance-${i}`)
      expect(id).toBeGreaterThanOrEqual(1_000_000_000)
      expect(id).toBeLessThan(4_290_000_000)
    }
  })

  it('hardly ever gives two names the same id', () => {
    expect(new Set(Array.from({ length: 1_000 }, (_, i) => serverIdFor(`instance-${i}`))).size).toBe(1_000)
  })
})

describe('replicaUuidFor', () => {
  it('is a UUID that belongs to name and id', () => {
    const uuid = replicaUuidFor('bingo', 7)
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(uuid).toBe(replicaUuidFor('bingo', 7))
    expect(uuid).not.toBe(replicaUuidFor('bingo', 8))
  })
})
