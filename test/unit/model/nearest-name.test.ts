import { expect, it } from 'vitest'
import { nearestName } from '../../../src/model/nearest-name.ts'

it('finds the name that was meant', () => {
  expect(nearestName('fitler', ['filter', 'table', 'events'])).toBe('filter')
  expect(nearestName('on_failure', ['onFailure', 'retry'])).toBe('onFailure')
  expect(nearestName('evnts', ['filter', 'table', 'events'])).toBe('events')
})

it('suggests nothing when no name is close', () => {
  expect(nearestName('colour', ['filter', 'table', 'events'])).toBeUndefined()
  expect(nearestName('x', ['filter'])).toBeUndefined()
})
