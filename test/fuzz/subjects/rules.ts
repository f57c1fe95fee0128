import { readFileSync } from 'node:fs'
import { actionTypes } from '../../../src/targets/registry.ts'
import { EvaluationError, ProblemsError } from '../../../src/model/errors.ts'
import { formatProblems } from '../../../src/rules/files/format-problems.ts'
import { loadRulesFromText, type LoadedRules } from '../../../src/rules/files/load.ts'
import type { Random } from '../../support/random-tables.ts'
import { USERS } from '../../support/match-tables.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'
import { hostileChange } from './rows.ts'

const FILES = ['rules/users.yaml', 'rules/examples.yaml'].map((file) => readFileSync(file, 'utf8'))
const TOKENS = [
  'rules:',
  '- id: x',
  'table: users',
  'events: [INSERT]',
  'filter: "true"',
  'actions:',
  'enabled: true',
  'type: redis',
  'type: webhook',
  'type: kafka',
  'type: log',
  'cmd: DEL',
  'key: "{{id}}"',
  'url: "http://x/"',
  'debounce: 1ms',
  'delay: 999999d',
  'onFailure: block',
  'rate: 0/s',
  'retry: {attempts: -1}',
  'coalesce: latest',
  'table: "*.*"',
  'table: [[[]]]',
  'headers: {"x\\r\\ny": 1}',
  'body: {{id}}',
  'ttl: 1h',
  'timeout: 1e9s',
  'when: op',
]

export const rules: FuzzSubject = {
  name: 'rules',
  attempt(random) {
    const whole = random.pick(FILES)
    const text = random.chance(95) ? mutateText(part(whole, random), random, TOKENS) : bomb(random)
    const loaded = load(text)
    for (const rule of loaded?.ruleSet.rules ?? []) {
      evaluate(() => rule.filter?.bind(USERS)(hostileChange(random)))
      for (const action of rule.actions) evaluate(() => action.bind(USERS)(hostileChange(random)))
    }
  },
}

/** `rules:` and some of its entries, enabled, so that a change does not vanish among many lines. */
function part(file: string, random: Random): string {
  const [head = '', ...entries] = file.split(/^(?= {2}- id)/m)
  const chosen = entries.filter(() => random.chance(40))
  return (head + chosen.join('')).replaceAll('enabled: false', 'enabled: true')
}

/** Small texts that stand for a lot of work. */
function bomb(random: Random): string {
  const size = random.pick([10, 1_000, 10_000])
  switch (random.below(8)) {
    case 0:
      return `a: &a [x]\n${Array.from({ length: 20 }, (_, i) => `b${i}: &b${i} [*${i === 0 ? 'a' : `b${i - 1}`}, ${'*a, '.repeat(9)}*a]`).join('\n')}\nrules: *b19`
    case 1:
      return `rules:\n${Array.from({ length: size }, (_, i) => `  - {id: r${i}, table: t, actions: [{type: log}]}`).join('\n')}`
    case 2:
      return `rules:\n  - id: x\n${Array.from({ length: size }, (_, i) => `    k${i}: ${i}`).join('\n')}`
    case 3:
      return `rules: ${'['.repeat(size)}${']'.repeat(size)}`
    case 4:
      return `x: &a {table: t}\nrules: [${'{<<: *a}, '.repeat(size)}]`
    case 5:
      return `rules: [${Array.from({ length: size }, (_, i) => `&a${i} 1, *a${i}`).join(', ')}]`
    case 6:
      // None of these brackets can stand here: each is an error of its own.
      return `  - id: a\nrules:\n${'['.repeat(size)}`
    default:
      return `rules:\n  - {id: x, table: "${'*?'.repeat(Math.min(size, 3_000))}b", actions: [{type: log}]}`
  }
}

function load(text: string): LoadedRules | undefined {
  try {
    return loadRulesFromText([{ path: '/fuzz.yaml', name: 'fuzz.yaml', text }], {
      baseDir: '/nowhere',
      targets: new Map(),
      defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
      actionTypes: actionTypes(),
      env: { TOKEN: 'topsecret' },
    })
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    if (error.problems.length === 0) throw new Error('refused without a problem')
    formatProblems(error.problems, { color: false })
    for (const { location, message } of error.problems) {
      if (location === undefined) throw new Error(`a problem without a place: ${message}`)
    }
    return undefined
  }
}

function evaluate(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
  }
}
