import { expect, test } from 'vitest'
import { inForm, shares } from '../support/forms.ts'
import { WAITING_FAILPOINTS } from './failpoints/names.ts'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'

const scenarios = await allScenarios()
const named = (name: string) => scenarios.find((each) => each.name === name)!

test.each(shares(WAITING_FAILPOINTS, ['waiting-kill-file', 'waiting-kill-redis']))(
  '%s: a kill loses, reorders and invents nothing of what is delayed or spooled, and cancelled is cancelled',
  async (name, share) => {
    const { outcomes, problems } = await runScenario(named(name), { seed: 1, ...share })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(500)
  },
)

test('a receiver that is down holds up neither the cache of another rule nor the checkpoint, and gets everything in order', async () => {
  const { outcomes, problems } = await runScenario(named('receiver-down'), {
    seed: 1,
    changes: inForm({ short: 600, long: 1_500 }),
  })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ lost: 0, reordered: 0, phantom: 0, duplicates: 0 })
})

test('clocks that are set neither hurry nor hold up what waits', async () => {
  const { problems } = await runScenario(named('clock-jumps'), { seed: 1, cycles: inForm({ short: 3, long: 6 }) })
  expect(problems).toEqual([])
})

test('rules that are changed while events wait apply to them, and none is lost or repeated', async () => {
  const { outcomes, problems } = await runScenario(named('waiting-reload'), {
    seed: 1,
    cycles: inForm({ short: 2, long: 20 }),
  })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ lost: 0, reordered: 0, phantom: 0, duplicates: 0 })
})
