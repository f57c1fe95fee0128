import { describe, expect, test } from 'vitest'
import { isGivenUp, retryWaitMs, sortResults } from '../../../../src/deliver/queue/sort-results.ts'
import type { DeliveryFailure } from '../../../../src/model/rule/action.ts'
import { backoffMs } from '../../../../src/model/delivery/backoff.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { action, job } from '../../../support/jobs.ts'

function failure(kind: DeliveryFailure['kind'], retryAfterMs?: number): DeliveryFailure {
  const error = new BingoError('BINGO_TEST', `made ${kind}`)
  return retryAfterMs === undefined ? { kind, error } : { kind, error, retryAfterMs }
}

const sort = (batch: readonly InFlightJob[], result: readonly (DeliveryFailure | null)[], atMs = 0, wallMs = atMs) =>
  sortResults(batch, { lane: 0, from: 0, to: batch.length }, result, (one, failed) =>
    isGivenUp(one, failed, { monotonicMs: () => atMs, now: () => wallMs }),
  )

const retry = { attempts: 3, maxAgeMs: 60_000, minMs: 100, maxMs: 30_000 }

describe('what failed', () => {
  test('is given up after retry.attempts attempts', () => {
    const one = job({ action: action({ retry }) })
    expect(sort([one], [failure('unknown')]).kept).toEqual([one])
    expect(sort([one], [failure('unknown')]).kept).toEqual([one])
    expect(sort([one], [failure('unknown')]).givenUp).toEqual([one])
  })

  test('is given up once it is too old, counted from its first failure', () => {
    const one = job({ action: action({ retry: { ...retry, attempts: Infinity } }) })
    expect(sort([one], [failure('unknown')], 1_000).kept).toEqual([one])
    expect(sort([one], [failure('unknown')], 60_999).kept).toEqual([one])
    expect(sort([one], [failure('unknown')], 61_000).givenUp).toEqual([one])
  })

  test('is not too old because the wall clock was set', () => {
    const one = job({ action: action({ retry: { ...retry, attempts: Infinity } }) })
    expect(sort([one], [failure('unknown')], 1_000).kept).toEqual([one])
    expect(sort([one], [failure('unknown')], 2_000, 86_400_000).kept).toEqual([one])
    expect(sort([one], [failure('unknown')], 61_000, -86_400_000).givenUp).toEqual([one])
  })

  test('keeps what the receiver said to the last attempt only', () => {
    const one = job({ action: action({ retry }) })
    const said = (text: string): DeliveryFailure => ({ ...failure('unknown'), answer: { status: '500', text } })
    for (const text of ['first', 'second']) sort([one], [said(text)])
    expect(one.attempts!.map(({ answer }) => answer?.text)).toEqual([undefined, 'second'])
  })

  test('is never given up while the target is down, nor with block', () => {
    const waiting = job({ action: action({ retry: { ...retry, attempts: 1, maxAgeMs: 1 } }) })
    for (const now of [0, 10, 100_000]) expect(sort([waiting], [failure('down')], now).kept).toEqual([waiting])
    expect(waiting.attempts).toBeNull()
    const blocking = job({ action: action({ onFailure: 'block', retry }) })
    for (let i = 0; i < 10; i++) expect(sort([blocking], [failure('poison')]).kept).toEqual([blocking])
  })

  test('is given up at once when it is poison', () => {
    const one = job()
    expect(sort([one], [failure('poison')]).givenUp).toEqual([one])
    expect(one.attempts).toHaveLength(1)
  })
})

describe('what was acknowledged behind a failure of its row', () => {
  const plan = (onFailure: 'park' | 'skip') => action({ onFailure, retry }, { id: onFailure })

  test('is sent again after what is retried', () => {
    const park = plan('park')
    const [first, other, second] = [
      job({ id: 1, action: park }),
      job({ id: 2, action: park }),
      job({ id: 1, action: park }),
    ]
    const { kept, ended } = sort([first!, other!, second!], [failure('unknown'), null, null])
    expect(kept).toEqual([first, second])
    expect(ended).toEqual([other])
  })

  test('joins what is parked: a retry of the older one must not be applied last', () => {
    const park = plan('park')
    const [first, other, second] = [
      job({ id: 1, action: park }),
      job({ id: 2, action: park }),
      job({ id: 1, action: park }),
    ]
    const { givenUp, kept, ended } = sort([first!, other!, second!], [failure('poison'), null, null])
    expect(givenUp).toEqual([first])
    expect(kept).toEqual([second])
    expect(ended).toEqual([other])
  })

  test('is done with when the failed one is passed over, or of another rule', () => {
    const skip = plan('skip')
    const [first, second] = [job({ id: 1, action: skip }), job({ id: 1, action: skip })]
    expect(sort([first!, second!], [failure('poison'), null]).ended).toEqual([second])
    const foreign = job({ id: 1, action: plan('park') })
    expect(
      sort([job({ id: 1, action: action({}, { id: 'another' }) }), foreign], [failure('poison'), null]).ended,
    ).toEqual([foreign])
  })
})

describe('the pause before the next try', () => {
  test('has full jitter below a ceiling that doubles up to its maximum', () => {
    for (const [attempt, ceiling] of [
      [1, 100],
      [2, 200],
      [5, 1_600],
      [40, 30_000],
    ] as const) {
      expect(backoffMs(attempt, 100, 30_000, () => 0)).toBe(0)
      expect(backoffMs(attempt, 100, 30_000, () => 0.5)).toBe(ceiling / 2)
      expect(backoffMs(attempt, 100, 30_000, () => 0.9999999)).toBe(ceiling)
    }
  })

  test('is the retry-after of the target, up to retry.max', () => {
    const one = job({ action: action({ retry }) })
    expect(retryWaitMs(one, failure('unknown', 7_000), 1)).toBe(7_000)
    expect(retryWaitMs(one, failure('unknown', 3_600_000), 1)).toBe(30_000)
  })

  test('is the longest retry-after of a send', () => {
    const [a, b, c] = [job({ id: 1 }), job({ id: 2 }), job({ id: 3 })]
    const sorted = sort([a, b, c], [failure('unknown', 10), failure('unknown', 500), failure('unknown')])
    expect(sorted.retry?.failure.retryAfterMs).toBe(500)
  })
})
