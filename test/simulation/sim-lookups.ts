import type { LookupConnection, Answer } from '../../src/deliver/lookups/lookup-connection.ts'
import type { Clock } from '../../src/model/clock.ts'
import { BingoError } from '../../src/model/errors.ts'
import type { LookupParams } from '../../src/model/rule/lookup.ts'
import type { Random } from './random.ts'

const LONGLONG = 8

/** A server that tells ten times the id of a row, slowly at times, and is away at times. */
export function simulatedServer(random: Random, clock: Clock, isHealed: () => boolean): LookupConnection {
  const ask = async (_sql: string, values: LookupParams): Promise<Answer> => {
    if (!isHealed()) {
      await clock.sleep(random.chance(0.1) ? random.int(50, 300) : random.int(0, 10))
      if (random.chance(0.05)) throw new Error('made to fail')
    }
    const n = { name: 'n', columnType: LONGLONG }
    if (values.length === 1) return { fields: [n], rows: [[Number(values[0]) * 10]] }
    return { fields: [{ name: '#' }, n], rows: values.map((value, i) => [i, Number(value) * 10]) }
  }
  const failure = () => ({ kind: 'down', error: new BingoError('BINGO_SIMULATED', 'away', { retryable: true }) })
  return { ask, failure, close: () => Promise.resolve() } as unknown as LookupConnection
}
