import type { Change } from '../../../src/model/event/change.ts'
import type { Value } from '../../../src/model/event/row.ts'
import type { Random } from '../../support/random-tables.ts'
import { ADA, changeOf } from '../../support/match-tables.ts'

const STRINGS = ['', 'Ada', '{{id}}', '"quoted"', '\r\nx-evil: 1', '\u2028', '\ud800', '__proto__', 'a'.repeat(100_000)]
const NUMBERS = [0, -0, 1, -1, 2 ** 31, 2 ** 53 - 1, Number.NaN, Number.POSITIVE_INFINITY, 1e308]

/** A change of the table USERS with values that nobody expects. */
export function hostileChange(random: Random): Change {
  const row = (): typeof ADA => {
    const copy: { [column: string]: Value } = { ...ADA }
    for (const column of Object.keys(copy)) if (random.chance(30)) copy[column] = hostileValue(column, random)
    return copy
  }
  switch (random.below(3)) {
    case 0:
      return changeOf(null, row())
    case 1:
      return changeOf(row(), null)
    default:
      return changeOf(row(), row())
  }
}

/** Of the kind that the column's decoder yields, but for the size. */
function hostileValue(column: string, random: Random): Value {
  if (random.chance(20)) return random.chance(50) ? null : undefined
  switch (column) {
    case 'id':
    case 'serial':
      return random.pick([0, 1, 2n ** 63n, 2n ** 64n - 1n, 2 ** 53 - 1])
    case 'status':
    case 'age':
      return random.below(2 ** 31) - 2 ** 30
    case 'score':
      return random.pick(NUMBERS)
    case 'doc':
      return hostileDocument(random, 4)
    case 'tags':
      return Array.from({ length: random.below(64) }, () => random.pick(STRINGS.slice(0, 3)))
    default:
      return random.pick(STRINGS)
  }
}

function hostileDocument(random: Random, depth: number): Value {
  if (depth === 0 || random.chance(30)) return random.pick([null, true, 1, 2n ** 64n - 1n, 'x', -1.5])
  if (random.chance(40)) return Array.from({ length: random.below(5) }, () => hostileDocument(random, depth - 1))
  const map = Object.create(null) as { [key: string]: Value }
  for (let i = random.below(5); i > 0; i--) {
    map[random.pick(['__proto__', 'constructor', 'toString', '', 'level', 'a.b'])] = hostileDocument(random, depth - 1)
  }
  return map
}
