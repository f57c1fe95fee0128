import {
  CelDuration,
  CelTimeError,
  CelTimestamp,
  dayOfYear,
  parseDuration,
  parseTimestamp,
  wallClock,
} from './values/cel-time.ts'

/** Values of integers of the engine: int is a bigint, uint a class of the engine's. */
export interface Integers {
  uint(value: bigint): object
  uintValue(value: unknown): bigint | undefined
  /** An error of an evaluation, as the engine has it. */
  readonly fail: (message: string) => Error
}

export interface CelFunction {
  /** `name(types): type`, or `type.name(types): type`. */
  readonly signature: string
  readonly handler: (...values: never[]) => unknown
}

/**
 * Functions that the engine has too, but not as the specification has them: `int('')` is 0 there, `timestamp()` depends
 * on TZ, numbers overflow without a word. They are registered under other names, and calls are renamed.
 */
export const RENAMED: ReadonlyMap<string, string> = new Map(
  ['int', 'uint', 'double', 'string', 'timestamp', 'duration'].map((name) => [name, `to_${name}`]),
)

const MIN_INT = -(2n ** 63n)
const MAX_INT = 2n ** 63n - 1n
const MAX_UINT = 2n ** 64n - 1n

/** Conversions between types (CEL specification, "Standard definitions"). */
export function conversions(engine: Integers): readonly CelFunction[] {
  const { fail } = engine
  const within = (value: bigint, least: bigint, most: bigint, type: string): bigint => {
    if (value >= least && value <= most) return value
    throw fail(`${value} exceeds the range of ${type}`)
  }
  const int = (value: bigint): bigint => within(value, MIN_INT, MAX_INT, 'an int')
  const uint = (value: bigint): object => engine.uint(within(value, 0n, MAX_UINT, 'a uint'))
  const whole = (value: number, type: string): bigint => {
    if (Number.isFinite(value)) return BigInt(Math.trunc(value))
    throw fail(`${value} exceeds the range of ${type}`)
  }
  const digits = (text: string, pattern: RegExp, type: string): bigint => {
    if (pattern.test(text)) return BigInt(text.replace(/^\+/, ''))
    throw fail(`${JSON.stringify(text)} is not ${type}`)
  }
  return [
    on('int(int): int', (value: bigint) => value),
    on('int(uint): int', (value: object) => int(engine.uintValue(value)!)),
    on('int(double): int', (value: number) => int(whole(value, 'an int'))),
    on('int(string): int', (text: string) => int(digits(text, /^[+-]?\d+$/, 'a whole number'))),
    on(
      'int(timestamp): int',
      ({ nanos }: CelTimestamp) => (nanos - (((nanos % BILLION) + BILLION) % BILLION)) / BILLION,
    ),
    on('uint(uint): uint', (value: object) => value),
    on('uint(int): uint', (value: bigint) => uint(value)),
    on('uint(double): uint', (value: number) => uint(whole(value, 'a uint'))),
    on('uint(string): uint', (text: string) => uint(digits(text, /^\d+$/, 'a non-negative whole number'))),
    on('double(double): double', (value: number) => value),
    on('double(int): double', (value: bigint) => Number(value)),
    on('double(uint): double', (value: object) => Number(engine.uintValue(value))),
    on('double(string): double', (text: string) => {
      const value = doubleOf(text)
      if (value === undefined) throw fail(`${JSON.stringify(text)} is not a number`)
      return value
    }),
    on('string(string): string', (value: string) => value),
    on('string(bool): string', String),
    on('string(int): string', String),
    on('string(uint): string', String),
    on('string(bytes): string', (value: Uint8Array) => Buffer.from(value).toString('utf8')),
    on('string(double): string', textOfDouble),
    on('string(timestamp): string', String),
    on('string(duration): string', String),
  ].map(({ signature, handler }) => ({ signature: `to_${signature}`, handler }))
}

const BILLION = 1_000_000_000n
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const WORDS = /^([+-]?)(inf|infinity)$/i

function doubleOf(text: string): number | undefined {
  const word = WORDS.exec(text)
  if (word) return word[1] === '-' ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return Number.NaN
  const value = NUMBER.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

function textOfDouble(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

function on(signature: string, handler: (...values: never[]) => unknown): CelFunction {
  return { signature, handler }
}

/** Calendar fields of a timestamp; months, days of the year, month and week count from 0, `getDate` from 1. */
const FIELDS: { readonly [name: string]: (clock: Date) => number } = {
  getFullYear: (clock) => clock.getUTCFullYear(),
  getMonth: (clock) => clock.getUTCMonth(),
  getDate: (clock) => clock.getUTCDate(),
  getDayOfMonth: (clock) => clock.getUTCDate() - 1,
  getDayOfWeek: (clock) => clock.getUTCDay(),
  getDayOfYear: dayOfYear,
  getHours: (clock) => clock.getUTCHours(),
  getMinutes: (clock) => clock.getUTCMinutes(),
  getSeconds: (clock) => clock.getUTCSeconds(),
  getMilliseconds: (clock) => clock.getUTCMilliseconds(),
}

/** Nanoseconds that each part of a duration counts; milliseconds are those within the second. */
const DURATION_FIELDS: { readonly [name: string]: (nanos: bigint) => bigint } = {
  getHours: (nanos) => nanos / (3_600n * BILLION),
  getMinutes: (nanos) => nanos / (60n * BILLION),
  getSeconds: (nanos) => nanos / BILLION,
  getMilliseconds: (nanos) => (nanos % BILLION) / 1_000_000n,
}

export function timeFunctions({ fail }: Pick<Integers, 'fail'>): readonly CelFunction[] {
  const functions = [
    on('to_timestamp(timestamp): timestamp', (value: CelTimestamp) => value),
    on('to_timestamp(int): timestamp', (seconds: bigint) => new CelTimestamp(seconds * BILLION)),
    on('to_timestamp(string): timestamp', parseTimestamp),
    on('to_duration(duration): duration', (value: CelDuration) => value),
    on('to_duration(string): duration', parseDuration),
    ...Object.entries(FIELDS).flatMap(([name, read]) => [
      on(`timestamp.${name}(): int`, (time: CelTimestamp) => BigInt(read(wallClock(time)))),
      on(`timestamp.${name}(string): int`, (time: CelTimestamp, zone: string) => BigInt(read(wallClock(time, zone)))),
    ]),
    ...Object.entries(DURATION_FIELDS).map(([name, read]) =>
      on(`duration.${name}(): int`, ({ nanos }: CelDuration) => read(nanos)),
    ),
  ]
  return functions.map(({ signature, handler }) => ({ signature, handler: failing(handler, fail) }))
}

type Time = CelTimestamp | CelDuration

export function timeOperators({ fail }: Pick<Integers, 'fail'>): readonly CelFunction[] {
  const compared = ['timestamp', 'duration'].flatMap((type) => [
    on(`${type} == ${type}: bool`, (a: Time, b: Time) => a.nanos === b.nanos),
    on(`${type} < ${type}: bool`, (a: Time, b: Time) => a.nanos < b.nanos),
    on(`${type} <= ${type}: bool`, (a: Time, b: Time) => a.nanos <= b.nanos),
    on(`${type} > ${type}: bool`, (a: Time, b: Time) => a.nanos > b.nanos),
    on(`${type} >= ${type}: bool`, (a: Time, b: Time) => a.nanos >= b.nanos),
  ])
  const timestamp = (nanos: bigint): CelTimestamp => new CelTimestamp(nanos)
  const duration = (nanos: bigint): CelDuration => new CelDuration(nanos)
  const moved = [
    on('timestamp - timestamp: duration', (a: Time, b: Time) => duration(a.nanos - b.nanos)),
    on('timestamp - duration: timestamp', (a: Time, b: Time) => timestamp(a.nanos - b.nanos)),
    on('timestamp + duration: timestamp', (a: Time, b: Time) => timestamp(a.nanos + b.nanos)),
    on('duration + timestamp: timestamp', (a: Time, b: Time) => timestamp(a.nanos + b.nanos)),
    on('duration + duration: duration', (a: Time, b: Time) => duration(a.nanos + b.nanos)),
    on('duration - duration: duration', (a: Time, b: Time) => duration(a.nanos - b.nanos)),
  ].map(({ signature, handler }) => ({ signature, handler: failing(handler, fail) }))
  return [...compared, ...moved]
}

function failing(handler: CelFunction['handler'], fail: Integers['fail']): CelFunction['handler'] {
  return (...values) => {
    try {
      return handler(...values)
    } catch (error) {
      if (error instanceof CelTimeError) throw fail(error.message)
      throw error
    }
  }
}
