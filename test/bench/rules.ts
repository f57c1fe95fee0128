import { actionTypes } from '../../src/targets/registry.ts'
import type { ActionType } from '../../src/model/rule/action.ts'
import type { RuleSet } from '../../src/model/rule/rule-set.ts'
import { loadRulesFromText } from '../../src/rules/files/load.ts'

/** Rule files of the reading benchmarks, by mode. Their actions are rendered but go nowhere. */
export const RULES: { readonly [mode: string]: string } = {
  'two-columns': `rules:
  - id: cache
    table: shop.big
    filter: "new.status != old.status && new.id > 0"
    actions: [{type: redis, cmd: UNLINK, key: "cache:user:{{id}}", url: "redis://127.0.0.1:1"}]
`,
  'two-columns-none': `rules:
  - id: cache
    table: shop.big
    filter: "new.status != old.status && new.id < 0"
    actions: [{type: redis, cmd: UNLINK, key: "cache:user:{{id}}", url: "redis://127.0.0.1:1"}]
`,
  'whole-row': `rules:
  - id: rows
    table: shop.big
    actions: [{type: discard}]
`,
  'whole-row-json': `rules:
  - id: stream
    table: shop.big
    actions: [{type: log, path: stdout}]
`,
  'not-named': `rules:
  - id: other
    table: shop.other
    actions: [{type: log, path: stdout}]
`,
}

/** Reads whole rows and makes nothing of them: what decoding and matching cost by themselves. */
const discard: ActionType = {
  type: 'discard',
  fields: {},
  targetFields: [],
  defaultCoalesce: () => 'none',
  compile: () => ({
    target: { id: 'discard', type: 'discard', options: null },
    options: null,
    reads: () => ({ new: 'all', old: 'all' }),
    bind: () => () => '',
  }),
  open: () => Promise.reject(new Error('never opened')),
}

/** 'one-of-N' makes N rules on the table, of which one can match; 'elsewhere-N' one there and N on other tables. */
export function rulesOf(mode: string): string {
  const [, kind, count] = /^(one-of|elsewhere)-(\d+)$/.exec(mode) ?? []
  if (kind === undefined) return RULES[mode]!
  const rule = (i: number, table: string, status: number) => `
  - id: r${i}
    table: ${table}
    events: [UPDATE]
    filter: "new.status == ${status} && new.age > 0"
    actions: [{type: redis, cmd: UNLINK, key: "cache:user:{{id}}", url: "redis://127.0.0.1:1"}]`
  const others = Array.from({ length: Number(count) - (kind === 'one-of' ? 1 : 0) }, (_, i) =>
    kind === 'one-of' ? rule(i + 1, 'shop.big', 1000 + i) : rule(i + 1, `shop.t${i}`, 1),
  )
  return `rules:${rule(0, 'shop.big', 1)}${others.join('')}\n`
}

export function loadBenchRules(mode: string): RuleSet {
  const name = `${mode}.yaml`
  return loadRulesFromText([{ path: name, name, text: rulesOf(mode) }], {
    baseDir: '.',
    targets: new Map(),
    defaults: { redisUrl: undefined, allowCidrs: [] },
    actionTypes: new Map([...actionTypes(), [discard.type, discard]]),
  }).ruleSet
}
