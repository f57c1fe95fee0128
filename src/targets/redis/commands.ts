import type { ActionSpec } from '../../model/rule/action.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import { wholeEventContent } from '../plan/message.ts'
import { refuseFixedValue } from '../plan/fixed.ts'
import { checked, constant, structureContent, structureText } from '../plan/piece.ts'
import type { Piece } from '../plan/piece.ts'
import { readArgs } from './args.ts'
import type { Arguments } from './bound-arguments.ts'
import { isWholeRow } from './whole-row.ts'

/** One command of the allowlist: which fields it takes besides `key`, and how they become arguments. */
export interface CommandShape {
  /** The field that holds what the command is sent to. */
  readonly subject: 'key' | 'keys' | 'channel'
  readonly fields: readonly string[]
  /** What an UPDATE of the primary key does to the key it left behind: the same command again, a DEL, or nothing. */
  readonly previousKey: 'again' | 'del' | 'nothing'
  /** Arguments after the key. Reports what is missing through `spec.fail`. */
  compile(spec: ActionSpec, name: string): Arguments[]
  /** `fields` may be one expression: then it gives the arguments instead. */
  readonly wholeRow?: boolean
}

const INTEGER = /^-?\d{1,19}$/
const SCORE = /^(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf)$/

const removal: CommandShape = { subject: 'keys', fields: ['nulls'], previousKey: 'again', compile: () => [] }
const push = listOf('value')

/** The allowlist (RELIABILITY: data is never a command, a script or a pattern). */
export const COMMANDS: { readonly [name: string]: CommandShape } = {
  DEL: removal,
  UNLINK: removal,
  SET: { subject: 'key', fields: ['value', 'args', 'ttl', 'nx', 'xx'], previousKey: 'del', compile: set },
  EXPIRE: { subject: 'key', fields: ['ttl'], previousKey: 'again', compile: expire },
  HSET: {
    subject: 'key',
    fields: ['field', 'value', 'fields', 'args', 'nulls'],
    previousKey: 'nothing',
    compile: hset,
    wholeRow: true,
  },
  HDEL: { subject: 'key', fields: ['field', 'fields', 'args'], previousKey: 'again', compile: hdel, wholeRow: true },
  HINCRBY: { subject: 'key', fields: ['field', 'value'], previousKey: 'nothing', compile: hincrby },
  INCRBY: { subject: 'key', fields: ['value'], previousKey: 'nothing', compile: incrby },
  LPUSH: { subject: 'key', fields: ['value', 'args'], previousKey: 'nothing', compile: push },
  RPUSH: { subject: 'key', fields: ['value', 'args'], previousKey: 'nothing', compile: push },
  SADD: { subject: 'key', fields: ['member', 'args'], previousKey: 'nothing', compile: listOf('member') },
  SREM: { subject: 'key', fields: ['member', 'args'], previousKey: 'again', compile: listOf('member') },
  ZADD: { subject: 'key', fields: ['score', 'member', 'args'], previousKey: 'nothing', compile: zadd },
  ZINCRBY: { subject: 'key', fields: ['value', 'member'], previousKey: 'nothing', compile: zincrby },
  ZREM: { subject: 'key', fields: ['member', 'args'], previousKey: 'again', compile: listOf('member') },
  PUBLISH: { subject: 'channel', fields: ['message'], previousKey: 'nothing', compile: publish },
  XADD: {
    subject: 'key',
    fields: ['fields', 'args', 'maxlen', 'nulls'],
    previousKey: 'nothing',
    compile: xadd,
    wholeRow: true,
  },
}

/** Alone on a key these end in the same state however often they run; the newest of a window stands for the others. */
export const COALESCED_BY_DEFAULT: ReadonlySet<string> = new Set(['DEL', 'UNLINK', 'SET'])

/** What has its effect again when it is sent again, and lies in a key that it can be recorded beside. */
export const ONCE_COMMANDS: ReadonlySet<string> = new Set([
  'INCRBY',
  'HINCRBY',
  'ZINCRBY',
  'LPUSH',
  'RPUSH',
  'XADD',
  'ZADD',
  'HSET',
  'SADD',
])

/** A key to remove is no pattern: `DEL cache:*` would delete the one key of that name and nothing else. */
export function hasPattern(templateSource: string): boolean {
  return templateSource.replaceAll(/\{\{.*?\}\}/g, '').includes('*')
}

function missing(spec: ActionSpec, name: string, field: string, example: string): Arguments[] {
  spec.fail(field, 'BINGO_RULE_REDIS_FIELD_MISSING', `${name} needs \`${field}\``, `write for example ${example}`)
  return []
}

function value(spec: ActionSpec, field: string): Piece<string> | undefined {
  const structure = spec.structure(field)
  return structure && structureText(structure)
}

/** As `value`, for what may be JSON. */
function content(spec: ActionSpec, field: string): Piece<Content> | undefined {
  const structure = spec.structure(field)
  return structure && (structure.isScalar ? structureText(structure) : structureContent(structure))
}

function words(texts: readonly string[]): Arguments[] {
  return texts.map((text) => constant(text))
}

function set(spec: ActionSpec): Arguments[] {
  const given = content(spec, 'value')
  const rest = readArgs(spec, 'value') ?? []
  const parts: Arguments[] = given ? [given, ...rest] : [...rest]
  if (parts.length === 0) return missing(spec, 'SET', 'value', '`value: "{{json new}}"`')
  const ttlMs = spec.number('ttl')
  if (ttlMs !== undefined) {
    if (ttlMs < 1) spec.fail('ttl', 'BINGO_RULE_REDIS_TTL', '`ttl` must not be zero: the key would expire at once')
    parts.push(...words(ttlMs % 1000 === 0 ? ['EX', String(ttlMs / 1000)] : ['PX', String(ttlMs)]))
  }
  const onlyNew = spec.boolean('nx') === true
  const onlyExisting = spec.boolean('xx') === true
  if (onlyNew && onlyExisting) spec.fail('xx', 'BINGO_RULE_REDIS_NX_XX', '`nx` and `xx` exclude each other')
  if (onlyNew || onlyExisting) parts.push(constant(onlyNew ? 'NX' : 'XX'))
  return parts
}

function expire(spec: ActionSpec): Arguments[] {
  const ttlMs = spec.number('ttl')
  if (ttlMs === undefined) return missing(spec, 'EXPIRE', 'ttl', '`ttl: 1h`')
  if (ttlMs % 1000 !== 0)
    spec.fail(
      'ttl',
      'BINGO_RULE_REDIS_TTL',
      'the `ttl` of EXPIRE must be in whole seconds',
      'write whole seconds, such as `ttl: 90s`',
    )
  return [constant(String(ttlMs / 1000))]
}

function hdel(spec: ActionSpec, name: string): Arguments[] {
  if (isWholeRow(spec)) return []
  if (spec.has('fields')) {
    const hint = 'write `args: [name, email]`, or one expression: `fields: "{{old}}"`'
    spec.fail('fields', 'BINGO_RULE_REDIS_FIELD', 'HDEL takes names of fields, without values', hint)
  }
  return listOf('field')(spec, name)
}

function hset(spec: ActionSpec): Arguments[] {
  if (isWholeRow(spec)) return []
  const fields = fieldPairs(spec)
  if (fields !== undefined) return fields
  const field = spec.template('field')
  const single = content(spec, 'value')
  if (field && single) return [field, single]
  const rest = readArgs(spec, 'fields')
  if (rest === undefined)
    return missing(spec, 'HSET', 'fields', '`fields: {name: "{{new.name}}"}`, or `field` and `value`')
  if (rest.length % 2 !== 0 && spec.outline('args')?.tag === 'list')
    spec.fail('args', 'BINGO_RULE_REDIS_ARGS', 'HSET needs pairs of field and value')
  return [...rest]
}

function fieldPairs(spec: ActionSpec): Arguments[] | undefined {
  const fields = spec.templateMap('fields')
  if (fields === undefined || fields.size === 0) return undefined
  return [...fields].flatMap(([name, template]): Arguments[] => [constant(name), template])
}

function listOf(field: 'value' | 'member' | 'field'): CommandShape['compile'] {
  return (spec, name) => {
    const single = field === 'value' ? content(spec, field) : spec.template(field)
    const rest = readArgs(spec, 'elements') ?? []
    const parts = single ? [single, ...rest] : [...rest]
    return parts.length > 0 ? parts : missing(spec, name, field, `\`${field}: "{{id}}"\``)
  }
}

function incrby(spec: ActionSpec): Arguments[] {
  return [increment(spec, 'INCRBY')]
}

function hincrby(spec: ActionSpec): Arguments[] {
  const field = spec.template('field')
  if (field === undefined) return missing(spec, 'HINCRBY', 'field', '`field: "{{new.day}}"`')
  return [field, increment(spec, 'HINCRBY')]
}

function zincrby(spec: ActionSpec): Arguments[] {
  const message = 'ZINCRBY adds a number'
  const hint = 'a number, or a template'
  refuseFixedValue(spec, 'value', { pattern: SCORE, code: 'BINGO_RULE_REDIS_NUMBER', message, hint })
  const member = spec.template('member')
  if (member === undefined) return missing(spec, 'ZINCRBY', 'member', '`member: "{{id}}"`')
  return [checked(value(spec, 'value') ?? constant('1'), SCORE, 'BINGO_REDIS_NOT_A_NUMBER', message), member]
}

function increment(spec: ActionSpec, name: string): Arguments {
  const message = `the value of ${name} must be a 64-bit integer`
  refuseFixedValue(spec, 'value', {
    pattern: INTEGER,
    code: 'BINGO_RULE_REDIS_NUMBER',
    message,
    hint: 'a whole number, or a template',
  })
  const given = value(spec, 'value') ?? constant('1')
  return checked(given, INTEGER, 'BINGO_REDIS_NOT_AN_INTEGER', message)
}

function zadd(spec: ActionSpec): Arguments[] {
  refuseFixedValue(spec, 'score', {
    pattern: SCORE,
    code: 'BINGO_RULE_REDIS_NUMBER',
    message: 'the score of ZADD must be a number',
    hint: 'write a number or a template',
  })
  const score = value(spec, 'score')
  const member = spec.template('member')
  if (score && member)
    return [checked(score, SCORE, 'BINGO_REDIS_NOT_A_NUMBER', 'the score of ZADD must be a number'), member]
  const rest = readArgs(spec, 'scores')
  if (rest === undefined)
    return missing(spec, 'ZADD', score ? 'member' : 'score', '`score: "{{new.points}}"` and `member: "{{id}}"`')
  return [...rest]
}

function publish(spec: ActionSpec): Arguments[] {
  return [content(spec, 'message') ?? wholeEventContent]
}

function xadd(spec: ActionSpec): Arguments[] {
  const maxlen = spec.number('maxlen')
  // `~` lets Redis trim whole nodes of the stream: exact trimming costs far more and nobody counts on it.
  const trim: Arguments[] = maxlen === undefined ? [] : words(['MAXLEN', '~', String(maxlen)])
  if (isWholeRow(spec)) return [...trim, constant('*')]
  const pairs = fieldPairs(spec) ?? readArgs(spec, 'fields') ?? [constant('event'), wholeEventContent]
  return [...trim, constant('*'), ...pairs]
}
