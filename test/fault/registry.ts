import { readdir } from 'node:fs/promises'
import { GROUPS } from './scenario.ts'
import type { Scenario } from './scenario.ts'

const FOLDER = new URL('./scenarios/', import.meta.url)

/** A file of test/fault/scenarios: one scenario, or several of one family. */
interface ScenarioFile {
  readonly scenario?: Scenario
  readonly scenarios?: readonly Scenario[]
}

/** Every scenario of every file, by group, then by name. */
export async function allScenarios(): Promise<readonly Scenario[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.ts'))
  const loaded = await Promise.all(
    files.map(async (file) => {
      const { scenario, scenarios = [] } = (await import(new URL(file, FOLDER).href)) as ScenarioFile
      return scenario === undefined ? scenarios : [scenario, ...scenarios]
    }),
  )
  const place = ({ group, name }: Scenario): string => `${GROUPS.indexOf(group)} ${name}`
  return loaded.flat().sort((one, other) => place(one).localeCompare(place(other)))
}

/** Those that the words name: a scenario, a group, or `all` (everything but the soak, which lasts as long as it is told). */
export function select(scenarios: readonly Scenario[], words: readonly string[]): readonly Scenario[] {
  const chosen = new Set<Scenario>()
  for (const word of words) {
    const found = scenarios.filter(
      ({ name, group }) => word === name || word === group || (word === 'all' && group !== 'soak'),
    )
    if (found.length === 0) throw new Error(`there is no scenario or group "${word}"; see: npm run faults -- list`)
    for (const scenario of found) chosen.add(scenario)
  }
  return [...chosen]
}
