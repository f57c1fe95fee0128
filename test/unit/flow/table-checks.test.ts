import { expect, test } from 'vitest'
import { TableChecks } from '../../../src/flow/reading/table-checks.ts'
import { Matcher } from '../../../src/match/matcher.ts'
import type { Log } from '../../../src/model/rule/action.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import { createStats } from '../../../src/model/stats.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { tablesOfDump } from '../../../src/sources/mysql/schema/schema-dump.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { silentLog } from '../../support/jobs.ts'

const RULES = `rules:
  - {id: a, table: shop.users, filter: new.agee > 1, actions: [{type: log}]}
  - {id: b, table: shop.users, filter: "new.name == 'x' && new.total > 3", actions: [{type: log}]}
  - {id: c, table: shop.users, events: [UPDATE], filter: new.age > 3, actions: [{type: log}]}
  - {id: d, table: shop.other, filter: new.gone > 3, actions: [{type: log}]}`

const columns = 'id int NOT NULL, name varchar(9) NOT NULL, total decimal(9,2) NOT NULL, age int'
const tableOf = (sql: string): TableDef => tablesOfDump(`USE shop;\nCREATE TABLE ${sql};`)[0]!
const users = (more = ''): TableDef => tableOf(`users (${columns}${more}, PRIMARY KEY (id))`)

function start(ruleSet: RuleSet) {
  const lines: string[] = []
  const add = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`)
  const log: Log = { ...silentLog, warn: add('warn'), error: add('error') }
  const stats = createStats(1024)
  const checks = new TableChecks(ruleSet, { stats, log })
  const matcher = new Matcher(
    ruleSet,
    () => () => 0,
    (table) => checks.check(table),
  )
  return { matcher, lines, stats }
}

const load = (text: string): RuleSet =>
  loadRulesFromText([{ path: '/r.yaml', name: 'r.yaml', text }], {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: undefined, allowCidrs: [] },
    actionTypes: actionTypes(),
  }).ruleSet

test('A table that the stream shows is checked as `check` does, once, with the places in the rules', () => {
  const { matcher, lines, stats } = start(load(RULES))
  const table = users()
  for (let i = 0; i < 3; i++) expect(matcher.wants(table)).toBe(true)
  expect(lines).toEqual([
    expect.stringMatching(/^error r\.yaml:2:\d+ rule "a" reads column "agee", which shop.users does not have/),
    expect.stringMatching(/^error r\.yaml:3:\d+ shop.users: new.total is DECIMAL\(9,2\).*decimal\(new.total\)/),
    expect.stringMatching(/^warn r\.yaml:4:\d+ shop.users: new.age can be NULL/),
  ])
  expect(stats.tableProblems).toEqual({ error: 2, warning: 1 })
})

test('What was said is not said again for the next shape, and a table that no rule names is not looked at', () => {
  const { matcher, lines, stats } = start(load(RULES))
  matcher.wants(users())
  const before = lines.length
  matcher.wants(users())
  matcher.wants(users(', more int'))
  matcher.wants(tableOf('nobody (id int)'))
  expect(lines).toHaveLength(before)
  matcher.wants(tableOf('other (id int)'))
  expect(lines.slice(before)).toEqual([expect.stringContaining('"gone"')])
  expect(stats.tableProblems.error).toBe(3)
})

test('New rules begin anew, and what a check throws ends nothing', () => {
  const { lines, stats } = start(load(RULES))
  new TableChecks(load('rules: []'), { stats, log: silentLog }).check(users())
  expect(stats.tableProblems).toEqual({ error: 0, warning: 0 })
  const broken: RuleSet = {
    ...load(RULES),
    problemsWith: () => {
      throw new Error('a bug')
    },
  }
  const next = start(broken)
  expect(next.matcher.wants(users())).toBe(true)
  expect(next.lines).toEqual(['warn the rules could not be checked against a table'])
  expect(lines).toEqual([])
})
