import { expect, test } from 'vitest'
import { sampleChange, type SampleEvent } from '../../../src/rules/samples/sample-change.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { tablesOfDump } from '../../../src/sources/mysql/schema/schema-dump.ts'

const TABLES = tablesOfDump(`USE shop;
CREATE TABLE orders (
  id bigint unsigned NOT NULL, total decimal(10,2) NOT NULL, status int NOT NULL, active tinyint(1) NOT NULL,
  state enum('new','paid'), flags set('gift','express'), zip varchar(10), created datetime, seen timestamp(3) NULL,
  day date, weight double, doc json, PRIMARY KEY (id));`)

function row(columns: { readonly [name: string]: unknown }, table = 'orders'): object | string {
  try {
    const event = { op: 'insert', table, new: columns } as SampleEvent
    return { ...sampleChange(event, TABLES).new }
  } catch (error) {
    if (error instanceof BingoError) return `${error.message} → ${error.hint}`
    throw error
  }
}

test('Values are converted to the types of the columns', () => {
  expect(
    row({ ID: '18446744073709551615', total: 19.9, status: 1, active: 0, state: 'paid', flags: 'gift,express' }),
  ).toEqual({
    id: 18446744073709551615n,
    total: '19.90',
    status: 1,
    active: 0,
    state: 'paid',
    flags: ['gift', 'express'],
  })
  expect(
    row({ total: '5', zip: null, created: '2026-11-20 10:00:00', seen: '2026-11-20T10:00:00.000Z', doc: { a: 1 } }),
  ).toEqual({
    total: '5.00',
    zip: null,
    created: '2026-11-20 10:00:00',
    seen: '2026-11-20T10:00:00.000Z',
    doc: { a: 1 },
  })
  const { table } = sampleChange({ op: 'insert', table: 'shop.orders', new: { id: 1 } }, TABLES)
  expect(table).toBe(TABLES[0])
})

test.each<[{ readonly [name: string]: unknown }, string]>([
  [{ status: '1' }, 'new.status is INT, which is never "1" → Write a whole number, without quotes.'],
  [{ active: true }, 'new.active is TINYINT, which is never true → Write 1.'],
  [{ status: 1.5 }, 'which is never 1.5'],
  [{ status: null }, 'new.status is INT, which is never null → Write a value: the column is NOT NULL.'],
  [{ total: 1.999 }, 'Write at most 2 digits after the point.'],
  [{ total: 'lots' }, 'new.total is DECIMAL(10,2), which is never "lots"'],
  [{ state: 'payed' }, 'Write one of: new, paid.'],
  [{ flags: ['gifts'] }, 'Write a list of: gift, express.'],
  [{ zip: 12345 }, 'Put quotes around it.'],
  [{ created: '2026-11-20T10:00:00Z' }, 'Write for example "2026-11-20 10:11:12".'],
  [{ seen: '2026-11-20 10:00:00' }, 'Write for example "2026-11-20T10:11:12Z".'],
  [{ weight: '1' }, 'Write a number, without quotes.'],
  [{ totl: 1 }, 'shop.orders has no column "totl" → Did you mean "total"?'],
])('%j is refused with a hint that shows valid values', (columns, message) => {
  expect(row(columns)).toContain(message)
})

test('A table that the schema does not have is refused', () => {
  expect(row({ id: 1 }, 'order')).toContain('Did you mean "orders"?')
  expect(row({ id: 1 }, 'other.orders')).toContain('the schema has no "other.orders"')
})
