import type { Value } from '../../../model/event/row.ts'
import { floorDivide, floorModulo } from '../cel/values/cel-time.ts'
import { HelperFailure } from './helper.ts'

/** Writes a moment (nanoseconds since 1970) whose wall clock, in the zone asked for, `clock` has in its UTC fields. */
export type DateFormat = (nanos: bigint, clock: Date) => string

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** Letters of Unicode date patterns (UTS 35), as Java, Go libraries and date-fns read them. */
const LETTERS: { readonly [letters: string]: DateFormat } = {
  yyyy: (_, clock) => digits(clock.getUTCFullYear(), 4),
  yy: (_, clock) => digits(clock.getUTCFullYear() % 100, 2),
  M: (_, clock) => String(clock.getUTCMonth() + 1),
  MM: (_, clock) => digits(clock.getUTCMonth() + 1, 2),
  MMM: (_, clock) => MONTHS[clock.getUTCMonth()]!.slice(0, 3),
  MMMM: (_, clock) => MONTHS[clock.getUTCMonth()]!,
  d: (_, clock) => String(clock.getUTCDate()),
  dd: (_, clock) => digits(clock.getUTCDate(), 2),
  EEE: (_, clock) => DAYS[clock.getUTCDay()]!.slice(0, 3),
  EEEE: (_, clock) => DAYS[clock.getUTCDay()]!,
  H: (_, clock) => String(clock.getUTCHours()),
  HH: (_, clock) => digits(clock.getUTCHours(), 2),
  m: (_, clock) => String(clock.getUTCMinutes()),
  mm: (_, clock) => digits(clock.getUTCMinutes(), 2),
  s: (_, clock) => String(clock.getUTCSeconds()),
  ss: (_, clock) => digits(clock.getUTCSeconds(), 2),
  SSS: (nanos) => fraction(nanos, 3),
  SSSSSS: (nanos) => fraction(nanos, 6),
  XXX: (nanos, clock) => offset(nanos, clock) ?? 'Z',
  xxx: (nanos, clock) => offset(nanos, clock) ?? '+00:00',
}
const HINT = `letters are ${Object.keys(LETTERS).join(' ')}; put words in single quotes: yyyy-MM-dd'T'HH:mm`

/** A run of one letter, a quoted word, or anything that is no letter. */
const PIECE = /([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']+|'/g

const MOST_FORMATS = 200
const formats = new Map<string, DateFormat>()

/** Compiles a pattern; throws HelperFailure for one that has other letters. */
export function dateFormat(pattern: Value): DateFormat {
  if (typeof pattern !== 'string' || pattern === '') throw new HelperFailure('the format has to be a text', HINT)
  let format = formats.get(pattern)
  if (format === undefined) {
    format = compile(pattern)
    // A pattern may come from data.
    if (formats.size >= MOST_FORMATS) formats.clear()
    formats.set(pattern, format)
  }
  return format
}

function compile(pattern: string): DateFormat {
  const parts = [...pattern.matchAll(PIECE)].map(([piece, letter, quoted]): DateFormat => {
    if (letter === undefined) return constant(piece, quoted)
    const found = Object.hasOwn(LETTERS, piece) ? LETTERS[piece] : undefined
    if (found === undefined) throw new HelperFailure(`the format has "${piece}", which means nothing`, HINT)
    return found
  })
  return (nanos, clock) => parts.map((part) => part(nanos, clock)).join('')
}

/** `''` is a quote, inside quotes and outside of them. */
function constant(piece: string, quoted: string | undefined): DateFormat {
  if (piece === "'") throw new HelperFailure('a quote in the format is not closed', HINT)
  const text = quoted === undefined ? piece : quoted === '' ? "'" : quoted.replaceAll("''", "'")
  return () => text
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function fraction(nanos: bigint, width: number): string {
  return String(floorModulo(nanos, 1_000_000_000n)).padStart(9, '0').slice(0, width)
}

/** `+02:00`; undefined where the clock shows UTC. */
function offset(nanos: bigint, clock: Date): string | undefined {
  const minutes = Math.round((clock.getTime() - Number(floorDivide(nanos, 1_000_000n))) / 60_000)
  if (minutes === 0) return undefined
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${digits(Math.floor(size / 60), 2)}:${digits(size % 60, 2)}`
}
