import { crc32 } from 'node:zlib'
import type { Checkpoint } from '../../model/state/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import { count, faultOf, flag, isMap, listOf, mapOf, oneOf, optional, orNull, text } from '../../model/json/shape.ts'
import { FINGERPRINT, POSITION } from '../../model/source/position.ts'

/** The `version` field that this program writes and the newest that it reads. */
const VERSION = 1
/** The key of the checkpoint in a store of state. */
export const CHECKPOINT_KEY = 'checkpoint'
const CRC_SUFFIX = /,"crc":"([0-9a-f]{8})"\}\s*$/

const SET_HINT =
  'Run `bingo position show` to inspect it. To choose where to resume, run `bingo position set latest` (ignores the changes in between), `bingo position set FILE:POS` or `bingo position set GTID_SET`.'

const GAP = mapOf({
  id: text,
  at: count,
  code: text,
  reason: text,
  missing: orNull(text),
  onGap: oneOf('earliest', 'latest'),
  from: orNull(POSITION),
  to: POSITION,
  announced: flag,
})
const CHECKPOINT = mapOf({
  name: text,
  position: POSITION,
  server: FINGERPRINT,
  savedAt: count,
  epoch: count,
  gaps: optional(mapOf({ total: count, recent: listOf(GAP) })),
})

/**
 * The stored form: one JSON object with the fields of `Checkpoint` and, last, `crc`: CRC32 in hex of the same JSON
 * text without that field. JSON so that people and scripts can read it.
 */
export function serialiseCheckpoint(checkpoint: Checkpoint): string {
  const { version, name, position, server, savedAt, epoch, gaps } = checkpoint
  const text = JSON.stringify({
    version,
    name,
    position: {
      flavour: position.flavour,
      file: position.file,
      offset: position.offset,
      gtidSet: position.gtidSet,
    },
    server: { flavour: server.flavour, server: server.server, fileCreated: server.fileCreated },
    savedAt,
    epoch,
    ...(gaps !== undefined && gaps.total > 0 && { gaps }),
  })
  return `${text.slice(0, -1)},"crc":"${checksum(text)}"}`
}

/**
 * Reads what `serialiseCheckpoint` wrote. Throws BINGO_CHECKPOINT_CORRUPT for anything else, …_AHEAD for one of a
 * newer BinGo, …_FOREIGN for one of another instance name. `place` is printed in the messages.
 */
export function parseCheckpoint(stored: string, name: string, place: string): Checkpoint {
  const suffix = CRC_SUFFIX.exec(stored)
  if (!suffix) throw corrupt(place, 'not a checkpoint, or truncated')
  const json = `${stored.slice(0, suffix.index)}}`
  if (checksum(json) !== suffix[1]) throw corrupt(place, 'checksum mismatch')
  const value = parseObject(json, place)
  const { version } = value
  if (typeof version === 'number' && version > VERSION) throw tooNew(place, version)
  const fault = version === VERSION ? faultOf(CHECKPOINT, value) : 'version is not one'
  if (fault !== null) throw corrupt(place, fault)
  const { name: found, position, server, savedAt, epoch, gaps } = value as unknown as Checkpoint
  if (found !== name) throw otherInstance(place, found, name)
  return { version: VERSION, name, position, server, savedAt, epoch, ...(gaps !== undefined && { gaps }) }
}

/** CRC32 in hex. */
export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}

function parseObject(json: string, place: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(json)
    if (isMap(value)) return value
  } catch {
    // Reported below like any other text that is not an object.
  }
  throw corrupt(place, 'not valid JSON')
}

function corrupt(place: string, why: string): BingoError {
  return new BingoError('BINGO_CHECKPOINT_CORRUPT', `The checkpoint in ${place} is corrupt: ${why}`, {
    hint: `Restore it from a backup, or set a new one: ${SET_HINT}`,
  })
}

function tooNew(place: string, version: number): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_AHEAD',
    `The checkpoint in ${place} was written by a newer BinGo (format ${version}, this one supports ${VERSION})`,
    { hint: `Run the newer BinGo, or set a new checkpoint: ${SET_HINT}` },
  )
}

function otherInstance(place: string, found: string, expected: string): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_FOREIGN',
    `The checkpoint in ${place} belongs to the instance "${found}", this one is "${expected}"`,
    { hint: 'Give each instance its own `name` (BINGO_NAME) and its own checkpoint, or restore the previous `name`.' },
  )
}

/** A save that a newer owner of the checkpoint forbids (fencing). */
export function fenced(place: string, detail: string): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_FENCED',
    `Another process has taken over the checkpoint in ${place} (${detail}); this one stops`,
    { hint: 'Run one instance per `name`, or give the second one its own `name`.' },
  )
}

/** A store that cannot be read or written now. */
export function unreachable(place: string, cause: unknown): BingoError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint = cause instanceof BingoError ? cause.hint : undefined
  return new BingoError('BINGO_CHECKPOINT_UNREACHABLE', `The checkpoint in ${place} cannot be reached: ${reason}`, {
    hint: `${hint ?? 'Check that the store is up, reachable and writable.'} The address is \`checkpoint.store\`.`,
    retryable: true,
    cause,
  })
}
