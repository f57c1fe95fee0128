import { expect, test } from 'vitest'
import { Reload } from '../../../../src/cli/daemon/reload-rules.ts'
import type { Log } from '../../../../src/model/rule/action.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import { ProblemsError } from '../../../../src/model/errors.ts'
import type { RuleSet } from '../../../../src/model/rule/rule-set.ts'
import { SourceState } from '../../../../src/model/source/source-state.ts'
import { createStats } from '../../../../src/model/stats.ts'
import { assess } from '../../../../src/ops/health.ts'
import { createMetrics } from '../../../../src/ops/metrics/metrics.ts'
import { Progress } from '../../../../src/ops/progress.ts'
import { loadRulesFromText, type LoadedRules } from '../../../../src/rules/files/load.ts'
import { actionTypes } from '../../../../src/targets/registry.ts'

const load = (...rules: string[]): LoadedRules => {
  const text = rules.length === 0 ? 'rules: []' : `rules: [${rules.join(', ')}]`
  return loadRulesFromText([{ path: '/r.yaml', name: 'r.yaml', text }], {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: undefined, allowCidrs: [] },
    actionTypes: actionTypes(),
  })
}
const rule = (id: string, table = 't'): string => `{id: ${id}, table: ${table}, actions: [{type: log}]}`

function start(initial: RuleSet) {
  const lines: { level: string; message: string; [field: string]: unknown }[] = []
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ ...fields, level, message })
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  }
  const reloaded: string[] = []
  let remind: () => void = () => undefined
  let cancelled = 0
  const stats = createStats(1_000)
  const source = Object.assign(new SourceState(), { connected: true, caughtUp: true, lastReceivedAt: Date.now() })
  stats.sources.set('binlog', source)
  const clock = {
    ...systemClock,
    every: (_ms: number, fn: () => void) => {
      remind = fn
      return { cancel: () => void cancelled++ }
    },
  }
  const daemon = { reload: ({ rules }: RuleSet) => void reloaded.push(rules.map(({ id }) => id).join()) }
  const reload = new Reload(initial, { daemon, stats, log, clock })
  const progress = new Progress(stats, clock)
  const health = () => assess(stats, progress, { heartbeatMs: 10_000 }, Date.now())
  const metrics = () =>
    createMetrics({ stats, progress, health, deadLetters: async () => 0, version: '1', now: Date.now }).metrics()
  return { reload, lines, reloaded, stats, health, metrics, remind: () => remind(), cancelled: () => cancelled }
}

test('A reload names the rules that came, changed and went', () => {
  const { reload, lines, reloaded } = start(load(rule('a'), rule('b'), rule('c')).ruleSet)
  reload.loaded(load(rule('a'), rule('b', 'other'), rule('d')))
  expect(reloaded).toEqual(['a,b,d'])
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', code: 'BINGO_RULE_REMOVED', rule: 'c' }))
  expect(lines.at(-1)).toMatchObject({
    message: 'rules reloaded',
    added: ['d'],
    changed: ['b'],
    removed: ['c'],
    rules: 3,
  })
})

test('Rules that vanish altogether are each named', () => {
  const { reload, lines } = start(load(rule('a'), rule('b')).ruleSet)
  reload.loaded(load())
  expect(lines.filter(({ code }) => code === 'BINGO_RULE_REMOVED').map((line) => line['rule'])).toEqual(['a', 'b'])
})

test('A refused reload is logged repeatedly, and shown in /readyz and in the metrics, until the rules are valid', async () => {
  const { reload, lines, reloaded, stats, health, metrics, remind, cancelled } = start(load(rule('a')).ruleSet)
  const location = { file: 'r.yaml', line: 1, column: 1 }
  reload.refused(new ProblemsError([{ code: 'X', severity: 'error', location, message: 'the file is empty' }]))
  reload.refused(new Error('disk'))
  remind()
  expect(reloaded).toEqual([])
  const told = lines.filter(({ code }) => code === 'BINGO_RULES_NOT_RELOADED')
  expect(told.map(({ problems }) => problems)).toEqual([
    ['r.yaml:1:1 the file is empty'],
    ['Error: disk'],
    ['Error: disk'],
  ])
  expect(health()).toMatchObject({ ready: true, notes: [{ code: 'BINGO_RULES_NOT_RELOADED' }] })
  expect(await metrics()).toMatch(/^bingo_rules_invalid 1$/m)
  expect(await metrics()).toMatch(/^bingo_rules_reload_refused_total 2$/m)
  reload.loaded(load(rule('a')))
  expect(cancelled()).toBe(2)
  expect(stats.reload).toMatchObject({ refusedSince: 0, problem: null, refusedTotal: 2 })
  expect(health().notes).toEqual([])
  expect(await metrics()).toMatch(/^bingo_rules_invalid 0$/m)
})
