import { describe, expect, test } from 'vitest'
import type { DeliveryFailure, Sendable } from '../../../../src/model/rule/action.ts'
import { deliveryFailure } from '../../../../src/targets/failure/failure.ts'
import { BEHIND, sendInOrder, sendInRounds, WITHHELD } from '../../../../src/targets/failure/in-order.ts'
import { job } from '../../../support/jobs.ts'

const refused = deliveryFailure('unknown', 'REFUSED', 'refused')
const down = deliveryFailure('down', 'DOWN', 'down')

/** Jobs named `row.n`; the receiver answers with `failures[name]` once all that could be sent side by side is under way. */
async function run(names: readonly string[], failures: { [name: string]: DeliveryFailure } = {}) {
  const jobs = names.map((name) => job({ id: Number(name.split('.')[0]), payload: name }))
  const log: string[] = []
  const send = async ({ payload }: Sendable): Promise<DeliveryFailure | null> => {
    log.push(`> ${String(payload)}`)
    await new Promise(setImmediate)
    log.push(`< ${String(payload)}`)
    return failures[String(payload)] ?? null
  }
  const outcomes = await sendInRounds(jobs, (round) => Promise.all(round.map(send)))
  return { outcomes, log }
}

describe('sendInRounds', () => {
  test('sends different rows side by side, and the jobs of a row one after the other', async () => {
    const { log, outcomes } = await run(['1.a', '2.a', '1.b', '3.a'])
    expect(outcomes).toEqual([null, null, null, null])
    expect(log.slice(0, 3)).toEqual(['> 1.a', '> 2.a', '> 3.a'])
    expect(log.indexOf('> 1.b')).toBeGreaterThan(log.indexOf('< 1.a'))
  })

  test('does not send what follows a failure of its row, and sends the other rows', async () => {
    const { log, outcomes } = await run(['1.a', '2.a', '1.b', '1.c', '2.b'], { '1.a': refused })
    expect(outcomes).toEqual([refused, null, BEHIND, BEHIND, null])
    expect(log).not.toContain('> 1.b')
    expect(log).toContain('> 2.b')
  })

  test('what follows a target that is down is down as well', async () => {
    const { outcomes, log } = await run(['1.a', '1.b', '2.a', '2.b', '3.a'], { '1.a': down })
    expect(outcomes).toEqual([down, down, null, down, null])
    expect(log).not.toContain('> 2.b')
  })
})

test('what is left of a send stays behind when another instance may have taken over meanwhile', async () => {
  const sent: number[] = []
  const jobs = [job({ id: 1 }), job({ id: 2 }), job({ id: 3 })]
  const result = await sendInOrder(
    jobs,
    async ({ key }) => {
      sent.push(Number(key.split('\0').at(-1)))
      return null
    },
    () => sent.length < 2,
  )
  expect(sent).toEqual([1, 2])
  expect(result).toEqual([null, null, WITHHELD])
})
