import { parseFileUrl } from '../../../clients/address/file-url.ts'
import { AddressError } from '../../../clients/address/error.ts'
import { parseSqlAddress } from '../../../clients/sql/address.ts'
import type { MapNode, TreeNode } from '../../../rules/yaml/tree.ts'
import { parseDuration } from '../../../model/quantity.ts'
import type { PollingConfig } from './contract.ts'
import type { EntryReader } from './entry-reader.ts'

export const POLLING_KEYS = ['poll', 'url', 'batch', 'maxRetries', 'workers', 'order'] as const
const BESIDE_POLL = POLLING_KEYS.filter((key) => key !== 'poll')
const DEFAULTS = { batch: 100, maxRetries: 3, workers: 1 } as const
const MOST = { batch: 1_000, maxRetries: 1_000_000, workers: 64 } as const
const [LEAST_MS, MOST_MS] = [10, 86_400_000]
const URL_HINT = 'Write url: postgres://user:password@host/shop, mysql://… or file:/var/lib/app/app.db.'

/** What an entry says of polling; undefined: its table is read from the binlog. */
export function readPolling(table: string, map: MapNode, reader: EntryReader): PollingConfig | undefined {
  const poll = reader.given(map, 'poll')
  if (poll === undefined) {
    for (const key of BESIDE_POLL) {
      const node = reader.given(map, key)
      if (node !== undefined) reader.fail(node.location, `${key} is for outboxes that are polled`, 'Add poll: 5s.')
    }
    return undefined
  }
  const names = /^([^.*?]+)\.([^.*?]+)$/.exec(table)
  if (names === null) {
    const hint = 'Write its schema and its name: public.outbox; main.outbox for SQLite.'
    reader.fail(map.location, `"${table}" is not one table, which polling needs`, hint)
  }
  const url = reader.given(map, 'url')
  const order = reader.given(map, 'order')
  if (url === undefined) reader.fail(poll.location, 'an outbox that is polled has no url', URL_HINT)
  const count = (key: keyof typeof DEFAULTS, least: number): number => {
    const node = reader.given(map, key)
    if (node === undefined) return DEFAULTS[key]
    const isOne = node.tag === 'scalar' && Number.isSafeInteger(node.value)
    if (isOne && Number(node.value) >= least && Number(node.value) <= MOST[key]) return Number(node.value)
    reader.fail(node.location, `${key} must be a whole number`, `Write one from ${least} to ${MOST[key]}.`)
    return DEFAULTS[key]
  }
  const polling = {
    everyMs: everyOf(poll, reader),
    batch: count('batch', 1),
    maxRetries: count('maxRetries', 0),
    workers: count('workers', 1),
    order: (order && reader.text(order, 'order')) ?? null,
    after: reader.choice(map, 'after', ['mark', 'delete'], 'mark'),
  }
  const address = url && addressOf(url, reader)
  if (names === null || address === undefined) return undefined
  return { ...polling, url: address, schema: names[1]!, name: names[2]! }
}

function everyOf(node: TreeNode, reader: EntryReader): number {
  const ms = node.tag === 'scalar' && typeof node.value === 'string' ? parseDuration(node.value) : undefined
  if (ms !== undefined && ms >= LEAST_MS && ms <= MOST_MS) return ms
  reader.fail(node.location, 'poll must be a duration', 'Write poll: 5s, from 10ms to 1d.')
  return MOST_MS
}

/** As written: secrets are put in when it is opened, and only then can be judged what depends on them. */
function addressOf(node: TreeNode, reader: EntryReader): string {
  const text = reader.text(node, 'url') ?? ''
  if (text === '' || text.includes('${') || parseFileUrl(text) !== null) return text
  if (!/^(mysql|mariadb|postgres|postgresql):/i.test(text)) {
    reader.fail(node.location, 'url is not the address of a database', URL_HINT)
    return text
  }
  try {
    parseSqlAddress(text)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    reader.fail(node.location, `url is not the address of a database: ${error.message}`, error.hint)
  }
  return text
}
