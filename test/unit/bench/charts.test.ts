import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { figure, gather } from '../../bench/chart-data.ts'
import type { ChartData } from '../../bench/chart-data.ts'
import { barChart } from '../../bench/chart-svg.ts'
import { charts } from '../../bench/chart.ts'

const read = (name: string): string => readFileSync(new URL(`../../../docs/charts/${name}`, import.meta.url), 'utf8')
const stored = JSON.parse(read('bench.json')) as ChartData

describe('The charts of the documentation', () => {
  test.each([...charts(stored)])('%s is drawn from bench.json as it stands (else: npm run chart)', (name, svg) => {
    expect(read(name)).toBe(svg)
  })

  test('name the machine and the day of their figures', () => {
    for (const svg of charts(stored).values()) {
      expect(svg).toContain(stored.machine)
      expect(svg).toContain(stored.date)
    }
  })

  test('show figures that stand in docs/performance.md', () => {
    const page = readFileSync(new URL('../../../docs/performance.md', import.meta.url), 'utf8').replaceAll(
      /(\d)\.0\b/g,
      '$1',
    )
    const labels = [...charts(stored).values()].flatMap((svg) => [...svg.matchAll(/>([\d.–]+) (?:M|ms)<\/text>/g)])
    expect(labels.length).toBeGreaterThan(0)
    expect(labels.map(([, range]) => range!).filter((range) => !page.includes(range))).toEqual([])
  })

  test('show lowest and highest of several runs', () => {
    const run = (value: number, base: number) => ({
      machine: 'm',
      rows: [{ section: 'a', name: 'x', unit: 'rows/s', value, baseline: { name: 'y', value: base } }],
    })
    const data = gather([run(2, 10), run(1, 30), run(3, 20)], '2026-01-02')
    expect(data).toEqual({
      date: '2026-01-02',
      machine: 'm',
      figures: [
        { section: 'a', name: 'x', unit: 'rows/s', low: 1, high: 3, baseline: { name: 'y', low: 10, high: 30 } },
      ],
    })
  })

  test('keep a reader apart that stands beside two baselines', () => {
    const row = { section: 'a', name: 'x', unit: 'rows/s', value: 1 }
    const rows = ['y', 'z'].map((name) => ({ ...row, baseline: { name, value: 2 } }))
    expect(gather([{ machine: 'm', rows }], '2026-01-02').figures).toHaveLength(2)
  })

  test('say which figure is missing', () => {
    expect(() => figure({ ...stored, figures: [] }, 'packet reader alone')).toThrow(/no figure "packet reader alone"/)
  })

  test('are safe for any label, and readable in the dark', () => {
    const bars = [{ of: 'bingo' as const, label: 'a < b & "c"', low: 1, high: 2 }]
    const svg = barChart({ title: 't', caption: 'c', unit: 'M', scale: 1, bars })
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;')
    expect(svg).toContain('prefers-color-scheme: dark')
  })
})
