import { describe, expect, it } from 'vitest'
import { ByteArena } from '../../../../src/model/event/bytes/byte-arena.ts'
import { Utf8Bytes } from '../../../../src/model/event/bytes/content.ts'
import { Change, type Transaction } from '../../../../src/model/event/change.ts'
import { EvaluationError } from '../../../../src/model/errors.ts'
import type { TableDef } from '../../../../src/model/table/table.ts'
import { inlineText } from '../../../../src/rules/language/source-text.ts'
import { compileStructure } from '../../../../src/rules/language/structure.ts'
import type { StructureSource } from '../../../../src/rules/language/structure.ts'
import { compileRowDecoder } from '../../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import { TRANSACTION } from '../../../support/event-as-json.ts'
import { ADA, changeOf } from '../../../support/match-tables.ts'
import { Random } from '../../../support/random-tables.ts'
import { randomImages, randomShape, randomTable } from '../../sources/mysql/binlog/event-bytes/random-images.ts'

const TABLES = 600
const ROWS = 4
const TRANSACTIONS: readonly Transaction[] = [
  TRANSACTION,
  { ...TRANSACTION, id: 'a"\\é\u2028/23', gtid: null, offset: 2 ** 40, timestampUs: 1 },
]
const OF_EVENT = 'id op schema table changed ts gtid position serverId txId seq query'.split(' ')
const KEYS = ['id', 'a"b', 'größe', '\\', '', '1', '{{id}}']

const text = (value: string): StructureSource => ({ tag: 'text', text: inlineText(value) })
const compile = (source: StructureSource) => compileStructure(source, inlineText('').location)

function randomPath(random: Random, table: TableDef): string {
  const names = table.columns.map(({ name }) => name).filter((name) => /^[a-z]\w*$/.test(name))
  if (names.length === 0 || random.chance(30)) return `event.${random.pick(OF_EVENT)}`
  const name = random.pick(names)
  const whole = random.pick(['new', 'old', 'key', 'event'])
  return random.chance(5) ? whole : `${random.pick(['new', 'old'])}.${name}`
}

function randomStructure(random: Random, table: TableDef, depth: number): StructureSource {
  const kind = depth === 0 ? 90 : random.below(100)
  const children = () => Array.from({ length: random.below(5) }, () => randomStructure(random, table, depth - 1))
  if (kind < 10) return { tag: 'list', items: children() }
  if (kind < 35) return { tag: 'map', entries: children().map((child) => [random.pick(KEYS), child] as const) }
  if (kind < 45) return { tag: 'value', value: random.pick([null, true, -1.5, 'é"\u0001', 10n ** 18n]) }
  const path = randomPath(random, table)
  return text(random.pick([`{{${path}}}`, `{{${path}}}`, `{{json ${path}}}`, `<${'"é'}{{json ${path}}}>{{event.seq}}`]))
}

describe('A structure written as bytes', () => {
  it('is the text that it is otherwise, byte for byte, for random tables, rows and values of every type', () => {
    const random = new Random(30)
    const arena = new ByteArena(64, 2_048)
    const seen = { leaves: 0, failed: 0, types: new Set<number>(), flavours: new Set<string>() }
    for (let i = 0; i < TABLES; i++) {
      const { table, kinds } = randomTable(random)
      const shape = randomShape(random, kinds.length)
      const images = randomImages(random, { table, kinds }, shape, ROWS)
      const structure = compile({
        tag: 'list',
        items: Array.from({ length: 8 }, () => randomStructure(random, table, 3)),
      })
      const [asText, asContent] = [structure.bindJson(table), structure.bindContent(table)]
      const decode = compileRowDecoder(table, shape, { old: 'all', new: 'all' })
      let seq = 2 ** random.below(31)
      decode(images, 0, images.length, (old, new_) => {
        const change = new Change(table, shape.op, random.pick(TRANSACTIONS), seq++, old, new_, 'é')
        const expected = result(() => asText(change))
        expect(result(() => String(asContent(change, arena)))).toBe(expected)
        expect(result(() => asContent(change))).toBe(expected)
        if (expected.startsWith('error ')) seen.failed += 1
        else seen.leaves += expected.split(',').length
      })
      for (const { type } of table.columns) seen.types.add(type)
      seen.flavours.add(table.flavour)
    }
    expect(seen.types.size).toBeGreaterThan(28)
    expect(seen.flavours.size).toBe(2)
    // Columns that an image leaves out cannot be read.
    expect(seen.failed).toBeLessThan((TABLES * ROWS) / 2)
    expect(seen.leaves).toBeGreaterThan(TABLES * ROWS)
  })

  it.each([
    ['numbers', [0, -0, 7, -1, 99_999_999, 2 ** 53, 1.5, -0.1, 1e21, 1e-7, 5e-324, Infinity, NaN]],
    ['texts', ['', 'a', '"\\\n\u0000\u007f', 'é', '日本', '😀', '\ud800', 'x'.repeat(128), 'y'.repeat(5_000)]],
    ['long texts to escape', ['\u0001'.repeat(128), '\u0001'.repeat(4_000), '"é'.repeat(600), '\ud800'.repeat(700)]],
    ['others', [null, true, false, 10n ** 30n, [1, ['a']], { a: { b: null } }]],
  ])('holds %s as JSON has them, in buffers that are too small at first', (_, values) => {
    const arena = new ByteArena(8, 128)
    for (const name of values) {
      const change = changeOf(null, { ...ADA, name } as typeof ADA)
      const structure = compile({ tag: 'map', entries: [['n', text('{{new.name}}')]] })
      const written = structure.bindContent(change.table)(change, arena)
      expect(written).toBeInstanceOf(Utf8Bytes)
      expect(String(written)).toBe(structure.bindJson(change.table)(change))
    }
  })

  it('leaves what was written before it where it is, also where a value cannot be rendered', () => {
    const arena = new ByteArena(16, 64)
    const change = changeOf(null, { ...ADA, name: 'not a number' })
    const good = compile({ tag: 'list', items: [text('{{id}}'), text('{{event.id}}')] }).bindContent(change.table)
    const bad = compile({ tag: 'list', items: [text('{{id}}'), text('{{add name 1}}')] }).bindContent(change.table)
    const written = Array.from({ length: 20 }, () => {
      expect(() => bad(change, arena)).toThrow(EvaluationError)
      return good(change, arena)
    })
    expect(new Set(written.map(String))).toEqual(new Set([`[101,"${change.id}"]`]))
  })
})

function result(work: () => unknown): string {
  try {
    return String(work())
  } catch (error) {
    if (error instanceof EvaluationError) return `error ${error.message}`
    throw error
  }
}
