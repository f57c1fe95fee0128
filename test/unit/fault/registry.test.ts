import { expect, test } from 'vitest'
import { allScenarios, select } from '../../fault/registry.ts'
import { GROUPS, problemsOf } from '../../fault/scenario.ts'
import type { Outcome } from '../../fault/scenario.ts'

const scenarios = await allScenarios()

test('every scenario has a name of its own, a known group and a description', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
  for (const { name, group, doc } of scenarios) {
    expect(GROUPS).toContain(group)
    expect(GROUPS, `${name} would hide the group of that name`).not.toContain(name)
    expect(doc.length, name).toBeGreaterThan(10)
  }
})

test('a scenario is chosen by its name, its group or all of them, once', () => {
  const kill = scenarios.filter(({ group }) => group === 'kill')
  expect(select(scenarios, ['kill', kill[0]!.name])).toEqual(kill)
  expect(select(scenarios, ['all'])).toEqual(scenarios.filter(({ group }) => group !== 'soak'))
  expect(() => select(scenarios, ['nonsense'])).toThrow('nonsense')
})

test('whatever is lost, reordered, invented or repeated without a reason fails a run, and so does a problem', () => {
  const good: Outcome = {
    fault: 'some',
    runs: 1,
    changes: 10,
    lost: 0,
    reordered: 0,
    phantom: 0,
    duplicates: 5,
    secondsToHeal: 1,
  }
  expect(problemsOf(good)).toEqual([])
  for (const bad of ['lost', 'reordered', 'phantom', 'strayDuplicates']) {
    expect(problemsOf({ ...good, [bad]: 1 })).toHaveLength(1)
  }
  expect(problemsOf({ ...good, problems: ['exit code 0'] })).toEqual(['exit code 0'])
})
