import { expect, test } from 'vitest'
import { uuid7 } from '../../../src/model/event/posted/uuid7.ts'

test('an id of version 7 begins with its millisecond and is never given twice', () => {
  const at = Date.parse('2026-11-28T10:00:00.123Z')
  const ids = Array.from({ length: 5_000 }, () => uuid7(at))
  expect(new Set(ids).size).toBe(5_000)
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at)
  }
  expect(uuid7(at + 1) > uuid7(at)).toBe(true)
})
