import { expect, test } from 'vitest'
import { recordRule } from '../../../../src/app/brokers/record-rule.ts'
import type { BrokerConfig } from '../../../../src/app/config/brokers/contract.ts'
import { rulesOfRows } from '../../../../src/model/rule/outbox-rule.ts'
import { recordTable } from '../../../../src/sources/broker/record-row.ts'
import { rulesFrom } from '../../../support/rules-from-text.ts'

const location = { file: 'bingo.yaml', line: 1, column: 1 }
const own = recordRule({ name: 'orders', written: '', format: 'json', eventType: null, location } as BrokerConfig)
const rules = rulesFrom(`rules:
  - {id: all, on: "**", actions: [{type: log}]}
  - {id: rows, table: "*.*", actions: [{type: log}]}
`)
const matching = (schema: string, table: string): readonly string[] =>
  rulesOfRows([...rules, own].filter((rule) => rule.matchesTable(schema, table))).map(({ id }) => id)

test('a record that cannot be read is seen by the rule of its source alone, not by rules for any event or table', () => {
  const { schema, name } = recordTable('orders')
  expect(matching(schema, name)).toEqual(['source orders'])
})

test('rows of a database are seen by every rule that matches them', () => {
  expect(matching('shop', 'orders')).toEqual(['all', 'rows'])
})
