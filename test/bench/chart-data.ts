import type { Row } from './report.ts'

/** What one benchmark run prints with `--json`. */
export interface Run {
  readonly machine: string
  readonly rows: readonly Row[]
}

export interface Range {
  readonly low: number
  readonly high: number
}

export interface Figure extends Range {
  readonly section: string
  readonly name: string
  readonly unit: string
  readonly baseline?: Range & { readonly name: string }
}

/** docs/charts/bench.json: lowest and highest of several runs, since one run of a shared machine says little. */
export interface ChartData {
  readonly date: string
  readonly machine: string
  readonly figures: readonly Figure[]
}

export function gather(runs: readonly Run[], date: string): ChartData {
  const figures = new Map<string, Figure>()
  for (const { section, name, unit, value, baseline } of runs.flatMap(({ rows }) => rows)) {
    const key = [section, name, baseline?.name].join('\n')
    const before = figures.get(key)
    figures.set(key, {
      section,
      name,
      unit,
      ...widened(before, value),
      ...(baseline && { baseline: { name: baseline.name, ...widened(before?.baseline, baseline.value) } }),
    })
  }
  const machines = [...new Set(runs.map(({ machine }) => machine))]
  return { date, machine: machines.join('; '), figures: [...figures.values()] }
}

function widened(range: Range | undefined, value: number): Range {
  return { low: Math.min(range?.low ?? value, value), high: Math.max(range?.high ?? value, value) }
}

/** The first figure of that name; the same reader stands beside several baselines. */
export function figure(data: ChartData, name: string): Figure {
  const found = data.figures.find((each) => each.name === name)
  if (!found) throw new Error(`docs/charts/bench.json has no figure "${name}": run the benchmark with that part`)
  return found
}
