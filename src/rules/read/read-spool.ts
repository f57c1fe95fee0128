import type { SpoolLimits } from '../../model/rule/target-config.ts'
import { RULE_CODES } from '../codes.ts'
import type { ValueReader } from './read-values.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

const DAY = 86_400_000
const KEYS = ['after', 'maxBytes']

/** `spool` of a named target: what it says for itself; the configuration says the rest. */
export function readSpool(target: MapNode, reader: ValueReader): SpoolLimits | undefined {
  const node = entryOf(target, 'spool')?.value
  const map = node && reader.map(node, 'spool', 'write for example spool: {after: 10s, maxBytes: 256MiB}')
  if (map === undefined) return undefined
  reader.knownKeys(map, 'spool', KEYS)
  const after = entryOf(map, 'after')
  const maxBytes = entryOf(map, 'maxBytes')
  const afterMs = after && reader.duration(after.value, 'spool.after', { least: 0, most: DAY })
  const bytes = maxBytes && readBytes(maxBytes.value, reader)
  return { ...(afterMs !== undefined && { afterMs }), ...(bytes !== undefined && { maxBytes: bytes }) }
}

function readBytes(node: TreeNode, reader: ValueReader): number | undefined {
  const bytes = reader.bytes(node, 'spool.maxBytes')
  if (bytes === undefined || bytes > 0) return bytes
  return reader.fail(node, RULE_CODES.value, 'spool.maxBytes must be at least 1 byte')
}
