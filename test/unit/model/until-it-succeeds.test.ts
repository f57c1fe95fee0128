import { expect, test } from 'vitest'
import { untilItSucceeds, type Patience } from '../../../src/model/until-it-succeeds.ts'

function patience(overrides: Partial<Patience> = {}) {
  const pauses: number[] = []
  const told: string[] = []
  const deps: Patience = {
    clock: {
      sleep: async (ms) => {
        pauses.push(ms)
      },
    },
    signal: new AbortController().signal,
    mostPauseMs: 1_000,
    passes: () => true,
    waits: (attempt, error) => void told.push(`${attempt} ${(error as Error).message}`),
    answers: () => void told.push('answers'),
    ...overrides,
  }
  return { deps, pauses, told }
}

function failing(times: number): () => Promise<string> {
  let left = times
  return async () => {
    if (left === 0) return 'done'
    left -= 1
    throw new Error('away')
  }
}

test('work is repeated with growing pauses until it succeeds, and each failure is told, and that it is over', async () => {
  const { deps, pauses, told } = patience()
  expect(await untilItSucceeds(deps, failing(12))).toBe('done')
  expect(told).toEqual([...Array.from({ length: 12 }, (_, i) => `${i + 1} away`), 'answers'])
  expect(pauses).toHaveLength(12)
  expect(Math.max(...pauses)).toBeLessThanOrEqual(1_000)
})

test('nothing is told of work that succeeds at once', async () => {
  const { deps, told } = patience()
  expect(await untilItSucceeds(deps, failing(0))).toBe('done')
  expect(told).toEqual([])
})

test('a failure that does not pass ends it, and so does an abort', async () => {
  const refused = patience({ passes: () => false })
  await expect(untilItSucceeds(refused.deps, failing(1))).rejects.toThrow('away')
  const aborted = patience({ signal: AbortSignal.abort() })
  await expect(untilItSucceeds(aborted.deps, failing(1))).rejects.toThrow('away')
  expect([refused.told, aborted.told, refused.pauses]).toEqual([[], [], []])
  const duringPause = patience({ clock: { sleep: () => Promise.reject(new Error('aborted')) } })
  await expect(untilItSucceeds(duringPause.deps, failing(1))).rejects.toThrow('aborted')
})
