import { expect, test } from 'vitest'
import type { RowsBlock } from '../../../../src/model/source/binlog-stream.ts'
import type { Change } from '../../../../src/model/event/change.ts'
import type { Row } from '../../../../src/model/event/row.ts'
import { toChangeEvent } from '../../../../src/model/event/forms/event-json.ts'
import { TableProgram } from '../../../../src/match/program/program.ts'
import type { CompileRowDecoder } from '../../../../src/match/program/row-decoder.ts'
import type { ColumnSelection } from '../../../../src/match/program/column-needs.ts'
import { loadRulesFromText } from '../../../../src/rules/files/load.ts'
import { actionTypes } from '../../../../src/targets/registry.ts'
import { tableDef, transaction } from '../../../support/jobs.ts'

const table = tableDef(['id', 'status', 'email', 'note'])
const OLD: Row = { id: 1, status: 0, email: 'a@x', note: null }
const NEW: Row = { id: 1, status: 1, email: 'b@x', note: null }

const selected = (row: Row, columns: ColumnSelection): Row =>
  Object.fromEntries(
    table.columns.flatMap(({ name }, i) => (columns === 'all' || columns.has(i) ? [[name, row[name]]] : [])),
  )

/** Decodes the columns asked for, as the real one does. */
const compile: CompileRowDecoder = (_table, _shape, select) => (_buffer, start, end, visit) => {
  visit(selected(OLD, select.old), selected(NEW, select.new), start, end)
  return 1
}

const present = { all: true, has: () => true }
const block = { table, op: 'update', buffer: Buffer.alloc(0), start: 0, end: 8, firstSeq: 0 } as unknown as RowsBlock

/** What the actions of a rule did with the row: the change that each one kept. */
function run(actions: string, rule = ''): { readonly failed: Change[]; readonly matched: Change[] } {
  const text = `rules: [{id: r, table: users, ${rule} actions: [${actions}]}]`
  const { ruleSet } = loadRulesFromText([{ path: '/r.yaml', name: 'r.yaml', text }], {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: 'redis://h:6379', allowCidrs: [] },
    actionTypes: actionTypes(),
    env: {},
  })
  const shape = { op: 'update', presentOld: present, presentNew: present, partialJson: false } as const
  const program = new TableProgram(table, shape, ruleSet.rules, compile)
  const [failed, matched]: Change[][] = [[], []]
  program.run(block, transaction(), -1, {
    matched: (_action, change) => void matched!.push(change),
    deferred: (_action, change) => void matched!.push(change),
    failed: (_action, change) => void failed!.push(change),
    ruleMatched: () => undefined,
    cancelled: () => undefined,
    newer: () => undefined,
    exceeded: (_rule, _threshold, change) => change,
  })
  return { failed: failed!, matched: matched! }
}

const DEL = (key: string, more = ''): string => `{type: redis, cmd: DEL, key: "${key}"${more}}`

test('an action whose template fails keeps the whole row, and what changed', () => {
  const { failed } = run(DEL('n:{{note}}'))
  expect(failed).toHaveLength(1)
  expect(toChangeEvent(failed[0]!)).toMatchObject({ old: OLD, new: NEW, changed: ['status', 'email'] })
})

test('so does one whose `when` fails', () => {
  const { failed } = run(DEL('n:{{id}}', ', when: "8 / new.note > 1"'))
  expect(failed[0]).toMatchObject({ old: OLD, new: NEW })
})

test('next to one that works, which keeps its columns', () => {
  const { failed, matched } = run(`${DEL('u:{{id}}')}, ${DEL('n:{{note}}')}`)
  expect(failed[0]).toMatchObject({ old: OLD, new: NEW })
  expect(matched[0]!.new).not.toHaveProperty('email')
})

test('and one of a rule whose filter fails', () => {
  expect(run(DEL('u:{{id}}'), 'filter: "8 / new.note > 1",').failed[0]).toMatchObject({ old: OLD, new: NEW })
})
