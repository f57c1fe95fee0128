import { AddressError } from '../../../clients/address/error.ts'
import { nearestName } from '../../../model/nearest-name.ts'
import type { Reporter } from '../../../rules/reporter.ts'
import { entryOf, plainValue, type MapNode, type TreeNode } from '../../../rules/yaml/tree.ts'
import { BROKER_TYPES, BROKER_URLS, parseBrokerAddress, type BrokerType } from '../../../sources/broker/address.ts'
import { RECORD_FORMATS } from '../../../sources/broker/contract.ts'
import { parseBrokerStart, type BrokerStart } from '../../../sources/broker/start.ts'
import { EntryReader } from '../outbox/entry-reader.ts'
import { SOURCE_NAME, SOURCE_NAME_HINT } from '../source-name.ts'
import type { BrokerConfig } from './contract.ts'

export const BROKER_CODE = 'BINGO_CONFIG_BROKER'
const SERVERS = ['mysql', 'mariadb'] as const
const COMMON_KEYS = ['name', 'type', 'url', 'group', 'format', 'eventType', 'from', 'onGap'] as const
export const ON_GAP = ['stop', 'earliest', 'latest'] as const
const MOST_TYPE = 256
/** Of a stream and of a durable consumer. */
const NATS_NAME = /^[^\s.*>/\\]{1,255}$/

interface Kind {
  /** Of the list of what is read. */
  readonly topics: string
  readonly keys: readonly string[]
  readonly example: string
  /** Whether a name, or a pattern, can be one of these. */
  readonly valid: RegExp
  readonly rule: string
  /** What its readers share, as the broker's client takes it. */
  readonly group: { readonly key: string; readonly valid: RegExp; readonly rule: string }
}

const KINDS: { readonly [type in BrokerType]: Kind } = {
  kafka: {
    topics: 'topics',
    keys: [...COMMON_KEYS, 'topics'],
    example: 'topics: [orders, "shop.*"]',
    valid: /^[A-Za-z0-9._*?-]{1,249}$/,
    rule: 'letters, digits, ".", "_" and "-", with * and ? for others',
    group: { key: 'group', valid: /^\S{1,255}$/, rule: 'at most 255 characters without spaces' },
  },
  nats: {
    topics: 'subjects',
    keys: [...COMMON_KEYS.filter((key) => key !== 'group'), 'stream', 'subjects', 'durable'],
    example: 'subjects: [orders.>]',
    valid: /^(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?$|^>$/,
    rule: 'parts between dots, * for one of them and > for all that follow',
    group: {
      key: 'durable',
      valid: NATS_NAME,
      rule: 'at most 255 characters without spaces, ".", "*", ">" and slashes',
    },
  },
  redis: {
    topics: 'streams',
    keys: [...COMMON_KEYS, 'streams', 'field'],
    example: 'streams: [orders, "shop:*"]',
    valid: /^.{1,1024}$/s,
    rule: 'keys, with * and ? for any characters',
    group: { key: 'group', valid: /^.{1,255}$/s, rule: 'at most 255 characters' },
  },
}

/**
 * The type of an entry of `sources:`; undefined: a server that is read as a replica. `unknown` was reported.
 */
export function sourceTypeOf(item: TreeNode, reporter: Reporter): BrokerType | 'unknown' | undefined {
  const node = item.tag === 'map' ? entryOf(item, 'type')?.value : undefined
  if (node === undefined) return undefined
  const type = node.tag === 'scalar' ? node.value : undefined
  if (SERVERS.some((each) => each === type)) return undefined
  const broker = BROKER_TYPES.find((each) => each === type)
  if (broker !== undefined) return broker
  const all = [...SERVERS, ...BROKER_TYPES]
  const meant = typeof type === 'string' ? nearestName(type, all) : undefined
  const hint = `${meant === undefined ? '' : `Did you mean "${meant}"? `}Write one of: ${all.join(', ')}.`
  new EntryReader(reporter, { code: BROKER_CODE, called: 'sources' }).fail(
    node.location,
    'the type of a source is not known',
    hint,
  )
  return 'unknown'
}

/** What is wrong is reported, and the entry left out where it is no use without it. */
export function readBroker(map: MapNode, type: BrokerType, reporter: Reporter): BrokerConfig | undefined {
  const kind = KINDS[type]
  const reader = new EntryReader(reporter, { code: BROKER_CODE, called: `source ${nameIn(map) ?? type}` })
  reader.known(map, `a source of type ${type}`, kind.keys)
  const name = nameOf(map, type, reader)
  const url = urlOf(map, type, reader)
  const topics = topicsOf(map, kind, type, reader)
  const stream = type === 'nats' ? streamOf(map, reader) : ''
  if (url === undefined || topics === undefined || stream === undefined) return undefined
  const optional = (key: string): string | null => {
    const node = reader.given(map, key)
    return (node && reader.text(node, key)) ?? null
  }
  const eventType = optional('eventType')
  if (eventType !== null && eventType.length > MOST_TYPE) {
    reader.fail(map.location, `eventType has more than ${MOST_TYPE} characters`, 'Write a shorter one.')
  }
  return {
    name,
    type,
    url,
    topics,
    stream,
    group: groupOf(map, kind, reader),
    format: reader.choice(map, 'format', RECORD_FORMATS, 'bingo'),
    eventType,
    field: optional('field'),
    start: startOf(map, reader),
    onGap: reader.choice(map, 'onGap', ON_GAP, 'stop'),
    location: map.location,
    written: JSON.stringify(plainValue(map)),
  }
}

function nameIn(map: MapNode): string | undefined {
  const node = entryOf(map, 'name')?.value
  return node?.tag === 'scalar' && typeof node.value === 'string' ? node.value : undefined
}

/** The type where it has none: one broker of a type needs no more. */
function nameOf(map: MapNode, type: BrokerType, reader: EntryReader): string {
  const node = reader.given(map, 'name')
  const name = node && reader.text(node, 'name')
  if (node === undefined || name === undefined) return type
  if (!SOURCE_NAME.test(name)) reader.fail(node.location, `"${name}" is not a valid name of a source`, SOURCE_NAME_HINT)
  return name
}

/** As written: secrets are put in when it is opened, and only then can be judged what depends on them. */
function urlOf(map: MapNode, type: BrokerType, reader: EntryReader): string | undefined {
  const node = reader.given(map, 'url')
  if (node === undefined) return reader.fail(map.location, 'it has no url', `Write url: ${BROKER_URLS[type]}.`)
  const text = reader.text(node, 'url')
  if (text === undefined || text.includes('${')) return text
  try {
    parseBrokerAddress(type, text)
    return text
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    return reader.fail(node.location, `its url is not valid: ${error.message}`, error.hint)
  }
}

function topicsOf(map: MapNode, kind: Kind, type: BrokerType, reader: EntryReader): readonly string[] | undefined {
  const { topics, example, valid, rule } = kind
  const node = reader.given(map, topics)
  // A stream of NATS has its subjects.
  if (node === undefined && type === 'nats') return []
  const items = node === undefined ? [] : node.tag === 'list' ? node.items : [node]
  if (items.length === 0) return reader.fail(node?.location ?? map.location, `it has no ${topics}`, `Write ${example}.`)
  const names: string[] = []
  for (const item of items) {
    const name = reader.text(item, topics)
    if (name === undefined) continue
    if (!valid.test(name))
      reader.fail(item.location, `"${name}" is not valid in ${topics}`, `Write ${rule}: ${example}.`)
    else names.push(name)
  }
  return names.length === 0 ? undefined : names
}

function streamOf(map: MapNode, reader: EntryReader): string | undefined {
  const node = reader.given(map, 'stream')
  if (node === undefined) return reader.fail(map.location, 'it has no stream', 'Write stream: ORDERS.')
  const stream = reader.text(node, 'stream')
  if (stream === undefined || NATS_NAME.test(stream)) return stream
  return reader.fail(
    node.location,
    `"${stream}" is not a valid name of a stream`,
    'Write it without spaces, ".", "*" and ">".',
  )
}

function groupOf(map: MapNode, { group: { key, valid, rule } }: Kind, reader: EntryReader): string | null {
  const node = reader.given(map, key)
  const group = node && reader.text(node, key)
  if (node === undefined || group === undefined) return null
  if (!valid.test(group)) reader.fail(node.location, `"${group}" is not a valid ${key}`, `Write ${rule}.`)
  return group
}

function startOf(map: MapNode, reader: EntryReader): BrokerStart {
  const node = reader.given(map, 'from')
  const text = node && reader.text(node, 'from')
  const start = text === undefined ? { tag: 'latest' as const } : parseBrokerStart(text)
  if (start !== undefined) return start
  const hint = 'Write earliest, latest or a time with its zone: 2026-11-28T10:00:00Z.'
  reader.fail(node!.location, `"${text}" is not a valid value of from`, hint)
  return { tag: 'latest' }
}
