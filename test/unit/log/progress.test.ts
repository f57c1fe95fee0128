import { expect, test } from 'vitest'
import { freshProgress, knownProgress, readProgress } from '../../../src/log/progress.ts'

const PROGRESS = { ...freshProgress(1), status: 'completed', updatedAt: 2, completedAt: 2 }

test('what a store knows of an event is read as it was; without any it is new', () => {
  expect(readProgress(JSON.stringify(PROGRESS), 1, 'e')).toEqual(PROGRESS)
  expect(readProgress(null, 1, 'e')).toEqual(freshProgress(1))
})

test('what somebody has edited there is refused, naming the event and the fault', () => {
  const edited = JSON.stringify({ ...PROGRESS, outcomes: [{ rule: 'r', action: 0, status: 'sent', at: 1 }] })
  expect(() => readProgress(edited, 1, 'order-17')).toThrow(
    expect.objectContaining({
      code: 'BINGO_LOG_CORRUPT',
      message:
        'What the event log knows of the event "order-17" is corrupt: outcomes[0].status is not one of done, failed, skipped',
    }),
  )
})

test('it begins again where it is to be advanced: one that nobody can read does not hold up the others', () => {
  expect(knownProgress('{', 7)).toEqual(freshProgress(7))
  expect(knownProgress(JSON.stringify(PROGRESS), 7)).toEqual(PROGRESS)
})
