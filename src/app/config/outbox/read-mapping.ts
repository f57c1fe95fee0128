import type { AdditionalField, FieldSource, OutboxFields, OutboxMapping } from '../../../outbox/mapping/contract.ts'
import { OPTIONAL_TEXTS } from '../../../outbox/mapping/contract.ts'
import { mappingOf, type ShapeName } from '../../../outbox/mapping/shapes.ts'
import { topicRoute } from '../../../outbox/mapping/route.ts'
import type { MapNode, TreeNode } from '../../../rules/yaml/tree.ts'
import type { EntryReader } from './entry-reader.ts'

export const SHAPE_NAMES: readonly ShapeName[] = ['standard', 'debezium']
const FIELD_NAMES = ['id', 'type', 'key', 'topic', 'payload', 'headers', 'timestamp'] as const
export const PLACEMENTS = ['header', 'envelope'] as const
export const COLUMN_KEYS: readonly string[] = [...FIELD_NAMES, ...OPTIONAL_TEXTS]
const SHAPE_HINT = 'Write standard, debezium, or the columns: {id: …, type: …, key: …, payload: …}.'
export const MAPPING_KEYS = ['shape', 'source', 'topic', 'additional', 'expand', 'dropNulls', 'tombstone'] as const

/** What an entry says of how rows become events, on top of its shape. */
export function readMapping(table: string, map: MapNode, reader: EntryReader): OutboxMapping {
  const shape = readShape(table, reader.given(map, 'shape'), reader)
  const additional = reader.given(map, 'additional')
  const topic = reader.given(map, 'topic')
  return {
    ...shape,
    source: readSource(reader.given(map, 'source'), reader) ?? shape.source,
    expand: reader.flag(map, 'expand', shape.expand),
    dropNulls: reader.flag(map, 'dropNulls', shape.dropNulls),
    tombstone: reader.flag(map, 'tombstone', shape.tombstone),
    additional: additional === undefined ? shape.additional : readAdditional(additional, reader),
    route: topic === undefined ? shape.route : readRoute(topic, reader),
  }
}

function readShape(table: string, node: TreeNode | undefined, reader: EntryReader): OutboxMapping {
  if (node === undefined) return mappingOf(table, 'standard')
  if (node.tag === 'scalar') {
    const name = SHAPE_NAMES.find((each) => each === node.value)
    if (name === undefined) reader.fail(node.location, `"${node.written}" is not a shape of outboxes`, SHAPE_HINT)
    return mappingOf(table, name ?? 'standard')
  }
  const map = reader.map(node, 'shape', SHAPE_HINT)
  const own = { ...mappingOf(table, 'standard'), optional: new Set<string>() }
  if (map === undefined) return own
  reader.known(map, 'shape', COLUMN_KEYS)
  const from = (key: string): FieldSource | null => readField(map, key, reader)
  const type = from('type')
  if (type === null) {
    const hint =
      'Write type: and the column of the type, or type: {value: orders.order.create} for one type of all rows.'
    reader.fail(map.location, 'shape has no type', hint)
  }
  const texts = Object.fromEntries(
    OPTIONAL_TEXTS.flatMap((name) => {
      const source = from(name)
      return source === null ? [] : [[name, source] as const]
    }),
  )
  const fields: OutboxFields = {
    id: from('id'),
    type: type ?? { value: 'outbox' },
    typeElse: null,
    key: from('key'),
    topic: from('topic'),
    payload: from('payload'),
    headers: from('headers'),
    timestamp: from('timestamp'),
    texts,
  }
  return { ...own, fields }
}

/** A column, or `{value: …}`: the same for every row. */
function readField(map: MapNode, key: string, reader: EntryReader): FieldSource | null {
  const node = reader.given(map, key)
  if (node === undefined) return null
  if (node.tag !== 'map') {
    const column = reader.text(node, key)
    return column === undefined ? null : { column }
  }
  reader.known(node, key, ['value'])
  const value = reader.given(node, 'value')
  const text = value && reader.text(value, 'value')
  if (text !== undefined && (key === 'type' || key === 'topic')) return { value: text }
  const message = text === undefined ? `${key} has no value` : `only type and topic can be one value for all rows`
  reader.fail(node.location, message, `Write ${key}: COLUMN.`)
  return null
}

function readSource(node: TreeNode | undefined, reader: EntryReader): string | undefined {
  const source = node && reader.text(node, 'source')
  if (source !== 'database') return source
  const hint = 'Choose another name, such as outbox (the default) or the name of the service.'
  return reader.fail(node!.location, 'source cannot be "database", which is that of row changes', hint)
}

/** `{match: REGULAR EXPRESSION, replace: TEXT}`, as Debezium's route.topic.regex and route.topic.replacement. */
function readRoute(node: TreeNode, reader: EntryReader): OutboxMapping['route'] {
  const hint = "Write topic: {match: '(.*)', replace: 'outbox.event.$1'}."
  const map = reader.map(node, 'topic', hint)
  if (map === undefined) return null
  reader.known(map, 'topic', ['match', 'replace'])
  const match = reader.given(map, 'match')
  const replace = reader.given(map, 'replace')
  const pattern = match === undefined ? '(?<routedByValue>.*)' : reader.text(match, 'match')
  const replacement = replace && reader.text(replace, 'replace')
  if (pattern === undefined || replacement === undefined) {
    return replace === undefined ? (reader.fail(map.location, 'topic has no replace', hint) ?? null) : null
  }
  try {
    return topicRoute(pattern, replacement)
  } catch (error) {
    return reader.fail((match ?? map).location, (error as Error).message, hint) ?? null
  }
}

function readAdditional(node: TreeNode, reader: EntryReader): readonly AdditionalField[] {
  const hint = 'Write additional: [{column: tenant, in: header}, {column: version, in: envelope, as: v}].'
  if (node.tag !== 'list') {
    reader.fail(node.location, 'additional must be a list', hint)
    return []
  }
  const fields = node.items.flatMap((item) => {
    const map = reader.map(item, 'each of additional', hint)
    if (map === undefined) return []
    reader.known(map, 'additional', ['column', 'in', 'as'])
    const given = reader.given(map, 'column')
    const column = given && reader.text(given, 'column')
    if (given === undefined) reader.fail(map.location, 'an additional field has no column', hint)
    const as = reader.given(map, 'as')
    const name = as === undefined ? column : reader.text(as, 'as')
    const placement = reader.choice(map, 'in', PLACEMENTS, 'header')
    if (name === 'payload' && placement === 'envelope') {
      reader.fail(
        map.location,
        '"payload" is the name of the payload in the envelope',
        'Give the field another name with as.',
      )
    }
    return column === undefined || name === undefined ? [] : [{ column, name, placement }]
  })
  return fields
}
