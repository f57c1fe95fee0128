import { expect, test } from 'vitest'
import { createBarrier } from '../../src/inbox/barrier/barrier.ts'
import type { Barrier, BarrierStorage, BarrierWork } from '../../src/inbox/barrier/contract.ts'
import type { Transact } from './inbox-contract.ts'

/** As BinGo sends them with a command. */
export const commandHeaders = (operation: 'do' | 'undo', step = 'reserve', attempt = 1): Record<string, string> => ({
  'bingo-saga': 'order_fulfilment/o-17',
  'bingo-step': step,
  'bingo-op': operation,
  'bingo-attempt': String(attempt),
})

/** What a barrier in a database promises, with whatever kind of transaction. `fresh`: a new table with every call. */
export function describeBarrier(
  fresh: () => Promise<BarrierStorage>,
  transact: Transact,
  sharesConnection = false,
): void {
  const one = async () => {
    const barrier = createBarrier(await fresh())
    await barrier.setup()
    await barrier.setup()
    return participant(barrier, transact)
  }

  test('A command is let through once, and answers the stored result from then on', async () => {
    const { command, effects } = await one()
    expect(await command('do')).toEqual({ outcome: 'first', result: { number: 1, text: 'Grüße 🙂' } })
    expect(await command('do', { attempt: 2 })).toEqual({
      outcome: 'repeated',
      result: { number: 1, text: 'Grüße 🙂' },
    })
    expect(await command('do', { step: 'charge' })).toMatchObject({ outcome: 'first', result: { number: 2 } })
    expect(await command('do', { step: 'Charge' })).toMatchObject({ outcome: 'first', result: { number: 3 } })
    expect(effects).toEqual(['do reserve', 'do charge', 'do Charge'])
  })

  test('An undo is let through once, and is given what the do returned', async () => {
    const { command, effects, seen } = await one()
    await command('do')
    expect(await command('undo')).toMatchObject({ outcome: 'first', result: { number: 2 } })
    expect(await command('undo')).toMatchObject({ outcome: 'repeated', result: { number: 2 } })
    expect(effects).toEqual(['do reserve', 'undo reserve'])
    expect(seen.map(({ done, attempt }) => [done, attempt])).toEqual([
      [null, 1],
      [{ number: 1, text: 'Grüße 🙂' }, 1],
    ])
    expect(await command('do')).toMatchObject({ outcome: 'repeated' })
  })

  test('An undo without its do does nothing, and the do that comes after it is refused', async () => {
    const { command, effects } = await one()
    expect(await command('undo')).toEqual({ outcome: 'nothing-to-undo', result: null })
    expect(await command('undo')).toEqual({ outcome: 'nothing-to-undo', result: null })
    expect(await command('do')).toEqual({ outcome: 'undone', result: null })
    expect(await command('do', { attempt: 2 })).toEqual({ outcome: 'undone', result: null })
    expect(effects).toEqual([])
  })

  test('A command whose transaction is rolled back did not come', async () => {
    const { command, effects } = await one()
    await expect(command('do', { fail: true })).rejects.toThrow('no')
    expect(await command('do')).toMatchObject({ outcome: 'first' })
    await expect(command('undo', { fail: true })).rejects.toThrow('no')
    expect(await command('undo')).toMatchObject({ outcome: 'first' })
    expect(effects).toEqual(['do reserve', 'undo reserve'])
  })

  test('Work may be left to the caller', async () => {
    const { barrier } = await one()
    const noted = () => transact((tx) => barrier(tx, commandHeaders('do')))
    expect(await noted()).toEqual({ outcome: 'first', result: null })
    expect(await noted()).toEqual({ outcome: 'repeated', result: null })
  })

  test('Old commands are forgotten, and an undo that comes again after that still does nothing', async () => {
    const { barrier, command, effects } = await one()
    await command('do')
    await command('undo')
    expect(await barrier.deleteReceivedBefore(new Date(Date.now() - 600_000))).toBe(0)
    expect(await barrier.deleteReceivedBefore(new Date(Date.now() + 600_000))).toBe(2)
    expect(await command('undo')).toMatchObject({ outcome: 'nothing-to-undo' })
    expect(effects).toEqual(['do reserve', 'undo reserve'])
  })

  test('Headers that are no command are errors, and what is no transaction is one', async () => {
    const { barrier } = await one()
    await expect(transact((tx) => barrier(tx, {}))).rejects.toMatchObject({ code: 'BINGO_BARRIER_HEADERS' })
    for (const wrong of [undefined, null, {}, 7]) {
      await expect(barrier(wrong, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
    }
  })

  if (sharesConnection) return
  test('Of many deliveries at the same time one is let through, and the others wait for its result', async () => {
    const { command, effects } = await one()
    const results = await Promise.all(Array.from({ length: 8 }, () => command('do')))
    expect(results.filter(({ outcome }) => outcome === 'first')).toHaveLength(1)
    expect(results.map(({ result }) => (result as { number: number }).number)).toEqual(Array(8).fill(1))
    expect(effects).toEqual(['do reserve'])
  })

  test('A do and an undo at the same time leave nothing done without its undo', async () => {
    const { command, effects } = await one()
    const steps = Array.from({ length: 12 }, (_, i) => `step-${i}`)
    await Promise.all(
      steps.flatMap((step, i) => {
        const both = [() => command('do', { step }), () => command('undo', { step })]
        return (i % 2 === 0 ? both : both.toReversed()).map((send) => send())
      }),
    )
    for (const step of steps) {
      const own = effects.filter((effect) => effect.endsWith(` ${step}`))
      expect([[], [`do ${step}`, `undo ${step}`]]).toContainEqual(own)
    }
  })
}

interface Sent {
  readonly step?: string
  readonly attempt?: number
  readonly fail?: boolean
}

/** A service that counts what it did; only committed work counts. */
function participant(barrier: Barrier, transact: Transact) {
  const effects: string[] = []
  const seen: BarrierWork[] = []
  let number = 0
  const command = async (operation: 'do' | 'undo', { step = 'reserve', attempt = 1, fail = false }: Sent = {}) => {
    const passed = await transact((tx) =>
      barrier(tx, commandHeaders(operation, step, attempt), async (work) => {
        if (fail) throw new Error('no')
        seen.push(work)
        number += 1
        return { number, text: 'Grüße 🙂' }
      }),
    )
    if (passed.outcome === 'first') effects.push(`${operation} ${step}`)
    return passed
  }
  return { barrier, command, effects, seen }
}
