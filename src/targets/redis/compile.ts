import type { ActionDefaults, ActionSpec, CompiledAction } from '../../model/rule/action.ts'
import type { Payload } from '../../model/rule/rule.ts'
import { asItWas } from '../../model/event/as-it-was.ts'
import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Change } from '../../model/event/change.ts'
import { EvaluationError } from '../../model/errors.ts'
import { BingoError } from '../../model/errors.ts'
import type { ColumnReads, Template } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'
import { parseRedisUrl } from '../../clients/redis/redis-url.ts'
import { compileConnectionAge } from '../plan/connection-age.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { targetConfig } from '../plan/target-id.ts'
import { type Arguments, bindArguments } from './bound-arguments.ts'
import { COMMANDS, hasPattern, ONCE_COMMANDS } from './commands.ts'
import type { CommandShape } from './commands.ts'
import { onCluster } from './on-cluster.ts'
import { type Piece, writing } from '../plan/piece.ts'
import { compileNulls } from './nulls.ts'
import { fieldsOfRow, isWholeRow } from './whole-row.ts'
import type { FieldsOfRow } from './whole-row.ts'
import type { CommandPayload, RedisActionOptions, RedisTargetOptions } from './options.ts'

const ALL_FIELDS = new Set(['key', 'keys', 'channel', ...Object.values(COMMANDS).flatMap((shape) => shape.fields)])
/** Longest key that Redis takes is 512 MB; beyond this a rendered key is a mistake in the rule. */
const MAX_KEY_LENGTH = 64 * 1024

/** Compiles one `type: redis` action; what is wrong is reported through `spec.fail`. */
export function compileRedis(spec: ActionSpec, defaults: ActionDefaults): CompiledAction {
  const command = (spec.string('cmd') ?? '').toUpperCase()
  const shape = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  if (spec.has('cmd') && shape === undefined) {
    const allowed = Object.keys(COMMANDS).join(', ')
    spec.fail(
      'cmd',
      'BINGO_RULE_REDIS_COMMAND',
      `Redis command ${command} is not supported in rules`,
      `write one of ${allowed}`,
    )
  }
  const subjects = shape ? compileSubjects(spec, shape, command) : []
  const parts = shape ? compileArguments(spec, shape, command) : []
  const nulls = compileNulls(spec, command)
  const row =
    shape?.wholeRow === true && isWholeRow(spec) ? fieldsOfRow(spec, nulls === 'empty' ? nulls : 'omit') : undefined
  const removes = command === 'DEL' || command === 'UNLINK'
  const options: RedisActionOptions = { command, removes, exactlyOnce: compileExactlyOnce(spec, command, defaults) }
  const action = new RedisAction({ subjects, parts, removes, row, skipNulls: nulls === 'skip', command })
  const previousKey = shape?.previousKey ?? 'nothing'
  return {
    target: compileTarget(spec, defaults),
    options,
    reads: (table) => action.reads(table, previousKey !== 'nothing'),
    ...writing([...subjects, ...parts]),
    bind: (table) => action.bind(table),
    ...(previousKey !== 'nothing' && {
      bindPreviousKey: (table: TableDef) => action.bindPreviousKey(table, previousKey),
    }),
  }
}

function compileTarget(spec: ActionSpec, defaults: ActionDefaults): CompiledAction['target'] {
  const url = spec.string('url') ?? defaults.redisUrl ?? ''
  let address = '(none)'
  if (url === '') {
    spec.fail(
      'url',
      'BINGO_RULE_REDIS_NO_ADDRESS',
      'no Redis address',
      'set redis.url (BINGO_REDIS_URL), or `url` here',
    )
  } else {
    try {
      address = parseRedisUrl(url).printable.replace(/^redis:\/\//, '')
    } catch (error) {
      const { message, hint } = error as BingoError
      spec.fail('url', 'BINGO_REDIS_URL_INVALID', message, hint)
    }
  }
  const options: RedisTargetOptions = { url, maxConnectionAgeMs: compileConnectionAge(spec) }
  return targetConfig('redis', spec, address, options)
}

/** `exactlyOnce: true`, where it means something and can hold. */
function compileExactlyOnce(spec: ActionSpec, command: string, defaults: ActionDefaults): boolean {
  if (spec.boolean('exactlyOnce') !== true) return false
  if (Object.hasOwn(COMMANDS, command) && !ONCE_COMMANDS.has(command)) {
    spec.fail(
      'exactlyOnce',
      'BINGO_RULE_REDIS_EXACTLY_ONCE',
      command === 'PUBLISH'
        ? 'PUBLISH cannot be `exactlyOnce`: Redis does not report who received it'
        : `${command} does not need \`exactlyOnce\``,
      `use it with ${[...ONCE_COMMANDS].join(', ')}${command === 'PUBLISH' ? '' : `; ${command} is idempotent`}`,
    )
  }
  if (/^rediss?\+cluster:/i.test(spec.string('url') ?? defaults.redisUrl ?? '')) {
    const { code, message, hint } = onCluster()
    spec.fail('exactlyOnce', code, message, hint)
  }
  return true
}

function compileSubjects(spec: ActionSpec, shape: CommandShape, command: string): readonly Template[] {
  const field = shape.subject === 'channel' ? 'channel' : 'key'
  const single = spec.template(field)
  const several = shape.subject === 'keys' ? spec.templates('keys') : undefined
  if (single && several) spec.fail('keys', 'BINGO_RULE_REDIS_KEY_AND_KEYS', '`key` and `keys` exclude each other')
  const subjects = several ?? (single ? [single] : [])
  if (several?.length === 0) spec.fail('keys', 'BINGO_RULE_VALUE', 'keys is empty: nothing would be removed')
  const given = spec.has(field) || (shape.subject === 'keys' && spec.has('keys'))
  if (subjects.length === 0 && !given) {
    spec.fail(
      field,
      'BINGO_RULE_REDIS_FIELD_MISSING',
      `${command} needs \`${field}\``,
      `write for example \`${field}: "cache:user:{{id}}"\``,
    )
  }
  if (shape.subject === 'keys' && subjects.some((template) => hasPattern(template.source))) {
    spec.fail(
      several ? 'keys' : 'key',
      'BINGO_RULE_REDIS_PATTERN',
      `${command} takes keys, not patterns: \`*\` would be part of the name`,
      'list every key; to invalidate a group, include a version number in the keys and INCRBY it',
    )
  }
  return subjects
}

function compileArguments(spec: ActionSpec, shape: CommandShape, command: string): readonly Arguments[] {
  for (const field of ALL_FIELDS) {
    const taken =
      shape.fields.includes(field) || field === shape.subject || (field === 'key' && shape.subject === 'keys')
    if (!taken && spec.has(field)) {
      const fields = [shape.subject === 'channel' ? 'channel' : 'key', ...shape.fields].join(', ')
      spec.fail(field, 'BINGO_RULE_REDIS_FIELD', `${command} does not take \`${field}\``, `${command} takes: ${fields}`)
    }
  }
  return shape.compile(spec, command)
}

interface RedisActionParts {
  readonly subjects: readonly Template[]
  readonly parts: readonly Arguments[]
  readonly removes: boolean
  /** Gives the fields, where one expression stands for all of them. */
  readonly row: Piece<FieldsOfRow> | undefined
  readonly skipNulls: boolean
  readonly command: string
}

/** Renders payloads: the key alone for DEL and UNLINK, key and arguments for everything else. */
class RedisAction {
  readonly #subjects: readonly Template[]
  readonly #parts: readonly Arguments[]
  readonly #removes: boolean
  readonly #row: Piece<FieldsOfRow> | undefined
  readonly #skipNulls: boolean
  readonly #command: string

  constructor({ subjects, parts, removes, row, skipNulls, command }: RedisActionParts) {
    this.#subjects = subjects
    this.#parts = parts
    this.#removes = removes
    this.#row = row
    this.#skipNulls = skipNulls
    this.#command = command
  }

  reads(table: TableDef, previousToo: boolean): ColumnReads {
    const row = this.#row === undefined ? [] : [this.#row]
    const all = [...this.#subjects, ...this.#parts, ...row].map((piece) => piece.reads(table))
    const reads = unionReads(all)
    // The previous key is rendered from the before image alone.
    return previousToo ? { new: reads.new, old: unionReads([reads, { new: new Set(), old: reads.new }]).old } : reads
  }

  bind(table: TableDef): (change: Change, into?: ByteArena) => Payload {
    const keys = this.#subjects.map((template) => template.bind(table))
    const first = keys[0]!
    if (this.#removes) {
      if (this.#skipNulls) return (change) => keys.flatMap((key) => presentKey(key, change))
      if (keys.length === 1) return (change) => checkedKey(first(change))
      return (change) => keys.map((key) => checkedKey(key(change)))
    }
    const render = bindArguments((change) => checkedKey(first(change)), this.#parts, table)
    if (this.#row !== undefined) return bindRow(this.#command, render, this.#row.bind(table))
    return (change, into): CommandPayload => {
      const args = render(change, into)
      const [address] = args
      // What an expression gives for its arguments may be nothing.
      return args.length > 1 ? { address, args } : { address, args, omitted: [] }
    }
  }

  /** As `bind`, for the row as it was; a previous key that is still the key is left alone (it was just written). */
  bindPreviousKey(table: TableDef, how: 'again' | 'del'): (change: Change) => Payload {
    const render = this.bind(table)
    if (how === 'again') return (change) => render(asItWas(change))
    const key = this.#subjects[0]!.bind(table)
    return (change): CommandPayload => {
      const address = checkedKey(key(asItWas(change)))
      return { address, args: key(change) === address ? [] : [address], remove: true }
    }
  }
}

/**
 * HSET of a row writes what is there and removes the fields that an UPDATE made NULL; an entry of a stream is new, and has
 * nothing to remove.
 */
function bindRow(
  command: string,
  render: ReturnType<typeof bindArguments>,
  row: (change: Change) => FieldsOfRow,
): (change: Change) => CommandPayload {
  return (change) => {
    const head = render(change)
    const [address] = head
    const { pairs, omitted } = row(change)
    if (command === 'HDEL') return { address, args: [address, ...namesOf({ pairs, omitted })] }
    if (pairs.length === 0 && command !== 'HSET') {
      throw new EvaluationError('BINGO_REDIS_FIELDS', '`fields` has nothing that is not NULL', {
        hint: 'set `nulls: empty`, or filter such rows out',
      })
    }
    const args = [...head, ...pairs]
    return { address, args, ...(command === 'HSET' && { omitted: change.op === 'update' ? omitted : [] }) }
  }
}

/** All of them, whatever their values are. */
function namesOf({ pairs, omitted }: FieldsOfRow): readonly string[] {
  const names = [...pairs.filter((_, i) => i % 2 === 0), ...omitted]
  if (names.length > 0) return names
  throw new EvaluationError('BINGO_REDIS_FIELDS', '`fields` is empty', { hint: 'filter such rows out' })
}

/** None where a value in it is NULL or empty. */
function presentKey(key: (change: Change) => string, change: Change): readonly string[] {
  try {
    return [checkedKey(key(change))]
  } catch (error) {
    if (error instanceof EvaluationError && NOTHING.has(error.code)) return []
    throw error
  }
}

const NOTHING: ReadonlySet<string> = new Set(['BINGO_TEMPLATE_NULL', 'BINGO_TEMPLATE_EMPTY', 'BINGO_REDIS_KEY_EMPTY'])

function checkedKey(key: string): string {
  if (key.length === 0) throw new EvaluationError('BINGO_REDIS_KEY_EMPTY', 'the Redis key is empty')
  if (key.length > MAX_KEY_LENGTH) {
    throw new EvaluationError('BINGO_REDIS_KEY_TOO_LONG', `the Redis key has ${key.length} characters`)
  }
  return key
}
