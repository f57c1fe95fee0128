import { describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../../../src/model/clock.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import { FailurePolicy, givenUp, isGap } from '../../../../src/sources/mysql/failure-policy.ts'

function policyAt(time: { ms: number }): FailurePolicy {
  const clock: Clock = { ...systemClock, now: () => 0, monotonicMs: () => time.ms, sleep: () => Promise.resolve() }
  return new FailurePolicy(clock)
}

const failure = (code: string, retryable = false): BingoError => new BingoError(code, '', { retryable })

describe('FailurePolicy', () => {
  it('follows the retryable flag of the error', () => {
    const policy = policyAt({ ms: 0 })
    expect(policy.retries(failure('BINGO_SOURCE_CONNECTION_LOST', true), false)).toBe(true)
    expect(policy.retries(failure('BINGO_SOURCE_ACCESS_DENIED'), false)).toBe(false)
  })

  it('reads corrupt bytes three times in a row, and again after progress', () => {
    const policy = policyAt({ ms: 0 })
    const damage = failure('BINGO_BINLOG_CHECKSUM', true)
    expect([1, 2, 3].map(() => policy.retries(damage, false))).toEqual([true, true, false])
    policy.progressed()
    expect(policy.retries(damage, false)).toBe(true)
  })

  it('gives way to another replica of the same identity after one retry, unless the last time was long ago', () => {
    const time = { ms: 0 }
    const policy = policyAt(time)
    const duplicate = failure('BINGO_SOURCE_DUPLICATE_ID', true)
    expect(policy.retries(duplicate, false)).toBe(true)
    time.ms = 301_000
    expect(policy.retries(duplicate, false)).toBe(true)
    expect(policy.retries(duplicate, false)).toBe(false)
  })

  it('waits a minute for a new server that lags, not for the same one that lost something', () => {
    const time = { ms: 0 }
    const policy = policyAt(time)
    const ahead = failure('BINGO_CHECKPOINT_AHEAD')
    expect(policy.retries(ahead, false)).toBe(false)
    expect(policy.retries(ahead, true)).toBe(true)
    time.ms = 59_000
    expect(policy.retries(ahead, true)).toBe(true)
    time.ms = 61_000
    expect(policy.retries(ahead, true)).toBe(false)
  })

  it('counts attempts for the backoff until there is progress', () => {
    const policy = policyAt({ ms: 0 })
    policy.retries(failure('X', true), false)
    policy.retries(failure('X', true), false)
    expect(policy.attempts).toBe(2)
    policy.progressed()
    expect(policy.attempts).toBe(0)
  })

  it('knows which errors mean that changes are missing; another server is not one of them', () => {
    expect(isGap(failure('BINGO_SOURCE_GAP'))).toBe(true)
    expect(isGap(failure('BINGO_CHECKPOINT_AHEAD'))).toBe(true)
    expect(isGap(failure('BINGO_CHECKPOINT_FOREIGN'))).toBe(false)
  })
})

describe('givenUp', () => {
  it('turns a transient error into a permanent one that counts the attempts, so that the exit code says that an operator must act', () => {
    const damage = failure('BINGO_BINLOG_CHECKSUM', true)
    expect(givenUp(damage, 5)).toMatchObject({
      code: 'BINGO_BINLOG_CHECKSUM',
      message: expect.stringContaining('(giving up after 5 attempts)') as string,
      retryable: false,
      cause: damage,
    })
    const gap = failure('BINGO_SOURCE_GAP')
    expect(givenUp(gap, 1)).toBe(gap)
  })
})
