import { describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../../../../src/model/clock.ts'
import type { BingoError } from '../../../../../src/model/errors.ts'
import { watch } from '../../../../../src/sources/mysql/replica/watchdog.ts'

/** Time passes in sleeps only; `during` may change the world before each of them. */
async function watched(
  seconds: number,
  during: (state: { bytesRead: number; standsStill: boolean }, second: number) => number | void,
  heartbeatMs = 2_000,
): Promise<{ closed: BingoError | null; alive: number; ms: number }> {
  let ms = 0
  let alive = 0
  let closed: BingoError | null = null
  const stop = new AbortController()
  const state = { bytesRead: 0, standsStill: false, close: (reason: BingoError) => void (closed = reason) }
  const clock: Clock = {
    ...systemClock,
    now: () => ms,
    monotonicMs: () => ms,
    sleep: (wait) => {
      ms += during(state, Math.floor(ms / 1_000)) ?? wait
      if (ms >= seconds * 1_000) stop.abort()
      return Promise.resolve()
    },
  }
  await watch(state, heartbeatMs, clock, () => void alive++, stop.signal)
  return { closed, alive, ms }
}

describe('the watchdog', () => {
  it.each([500, 2_000, 10_000, 30_000])(
    'drops a connection that is silent for more than three heartbeats of %i ms, within one look more',
    async (heartbeatMs) => {
      const { closed, ms } = await watched(600, () => undefined, heartbeatMs)
      expect(closed).toMatchObject({ code: 'BINGO_SOURCE_SILENT', retryable: true })
      expect(ms).toBeGreaterThan(3 * heartbeatMs)
      expect(ms).toBeLessThanOrEqual(3 * heartbeatMs + Math.min(1_000, heartbeatMs / 2))
    },
  )

  it('treats any byte as a sign of life', async () => {
    const { closed, alive } = await watched(60, (state, second) => {
      if (second % 5 === 0) state.bytesRead++
    })
    expect(closed).toBeNull()
    expect(alive).toBeGreaterThan(5)
  })

  it('expects nothing while reading is paused', async () => {
    const { closed } = await watched(60, (state) => {
      state.standsStill = true
    })
    expect(closed).toBeNull()
  })

  it('does not blame the server when this process itself was stopped', async () => {
    const { closed } = await watched(100, (state, second) => {
      if (second === 3) return 90_000
      state.bytesRead++
      return undefined
    })
    expect(closed).toBeNull()
  })
})
