import { expect, test } from 'vitest'
import type { Config } from '../../../../src/app/config/config.ts'
import { chosenSource } from '../../../../src/cli/position/open-position.ts'
import { BingoError } from '../../../../src/model/errors.ts'

const hintOf = (config: object, name?: string): string | undefined => {
  try {
    chosenSource({ sources: [], brokers: [], eventStore: null, ...config } as unknown as Config, name)
  } catch (error) {
    return (error as BingoError).hint
  }
  return undefined
}

test('a name that no source has is answered with all that have a position: servers, brokers, the event store', () => {
  const all = { sources: [{ name: 'shop' }], brokers: [{ name: 'orders' }], eventStore: { follow: 'earliest' } }
  expect(hintOf(all, 'elsewhere')).toBe('Sources: shop, orders, event-store.')
  expect(hintOf(all, 'oders')).toBe('Did you mean "orders"? Sources: shop, orders, event-store.')
  expect(hintOf({ sources: [{ name: 'shop' }], eventStore: { follow: 'off' } }, 'x')).toBe('Sources: shop.')
})

test('without a name the first server is meant; where there is none, it says what else there is', () => {
  expect(hintOf({ sources: [{ name: 'shop' }] })).toBeUndefined()
  expect(hintOf({ eventStore: { follow: 'latest' } })).toBe('Name another one: --source event-store.')
  expect(hintOf({})).toContain('bingo events list')
})
