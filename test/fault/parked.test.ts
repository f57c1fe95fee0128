import { expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'

const scenarios = await allScenarios()

const EVENTS = inForm({ short: 300, long: 1_000 })

test.each(['parked-file', 'parked-redis'])(
  `%s: ${EVENTS} parked events of a row are listed, and sent in order, each once, while changes go on`,
  async (name) => {
    const scenario = scenarios.find((each) => each.name === name)!
    const { outcomes, problems } = await runScenario(scenario, { seed: 1, changes: EVENTS })
    expect(problems).toEqual([])
    expect(outcomes[0]).toMatchObject({ lost: 0, reordered: 0, phantom: 0, duplicates: 0 })
  },
)
