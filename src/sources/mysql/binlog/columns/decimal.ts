import { corrupt } from '../format/corrupt-event.ts'
import { type ColumnCodec, inlineColumn } from './codec.ts'

/** Bytes that a group of 0 to 9 decimal digits takes. */
const GROUP_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const
const FULL_GROUP = 9
/** Integer parts of up to this many digits are exact as a JS number. */
const EXACT_DIGITS = 15
const MAX_PRECISION = 65
const MAX_SCALE = 38

/** Digits that lie together in the bytes of a DECIMAL. */
interface DecimalGroup {
  readonly offset: number
  readonly bytes: number
  readonly digits: number
}

/** Bytes of a DECIMAL(precision, scale). */
function decimalWidth(precision: number, scale: number): number {
  return decimalLayout(precision, scale).width
}

function decimalLayout(
  precision: number,
  scale: number,
): { integer: DecimalGroup[]; fraction: DecimalGroup[]; width: number } {
  const integer = integerGroups(precision - scale, 0)
  const fraction = fractionGroups(scale, integer.width)
  return { integer: integer.groups, fraction: fraction.groups, width: integer.width + fraction.width }
}

/**
 * DECIMAL as text with all digits of its scale. Format: MySQL strings/decimal.cc (decimal2bin): groups of nine digits,
 * big-endian, the odd ones at both outer ends; the first bit is set for positive numbers, and of negative ones all
 * bits are flipped.
 */
export function decimalColumn(precision: number, scale: number): ColumnCodec {
  const { integer, fraction, width } = decimalLayout(precision, scale)
  return inlineColumn(width, (target, constant) => {
    const pad = constant(padded)
    const whole = precision - scale <= EXACT_DIGITS ? shortInteger(integer) : longInteger(integer, pad)
    const parts = fraction.map((group) => `+${pad}(${groupValue(group)},${group.digits})`)
    const point = scale === 0 ? '' : `+'.'${parts.join('')}`
    return `{const m=b[p]&128?0:-1;${whole}${target}=(m===0?'':'-')+t${point};}`
  })
}

function integerGroups(digits: number, offset: number): { groups: DecimalGroup[]; width: number } {
  const lead = digits % FULL_GROUP
  return layOut([lead, ...Array.from({ length: (digits - lead) / FULL_GROUP }, () => FULL_GROUP)], offset)
}

function fractionGroups(digits: number, offset: number): { groups: DecimalGroup[]; width: number } {
  const tail = digits % FULL_GROUP
  return layOut([...Array.from({ length: (digits - tail) / FULL_GROUP }, () => FULL_GROUP), tail], offset)
}

function layOut(sizes: readonly number[], offset: number): { groups: DecimalGroup[]; width: number } {
  const groups: DecimalGroup[] = []
  let width = 0
  for (const digits of sizes) {
    if (digits === 0) continue
    const bytes = GROUP_BYTES[digits]!
    groups.push({ offset: offset + width, bytes, digits })
    width += bytes
  }
  return { groups, width }
}

/**
 * Source of the numbers that a DECIMAL at `p` of `b` consists of: its integer part, null where that is longer than a number
 * holds exactly, and the groups of its fraction. `m` is 0 for a positive one, else -1.
 */
export function decimalCode(
  precision: number,
  scale: number,
): {
  readonly integer: string | null
  readonly fraction: readonly { readonly value: string; readonly digits: number }[]
} {
  const { integer, fraction } = decimalLayout(precision, scale)
  return {
    integer: precision - scale <= EXACT_DIGITS ? integerSum(integer) : null,
    fraction: fraction.map((group) => ({ value: groupValue(group), digits: group.digits })),
  }
}

/** Source of a group's value; `m` is -1 for a negative number, the value's first bit is the flipped sign. */
function groupValue({ offset, bytes }: DecimalGroup): string {
  const terms = Array.from({ length: bytes }, (_, i) => {
    const byte = `b[p+${offset + i}]`
    const shift = 8 * (bytes - 1 - i)
    return `${offset + i === 0 ? `(${byte}^128)` : byte}<<${shift}`
  })
  const mask = bytes === 4 ? '' : `&${2 ** (8 * bytes) - 1}`
  return `((${terms.join('|')})^m)${mask}`
}

/** Sets `t` to the integer part's number, which the concatenation prints. */
function shortInteger(groups: readonly DecimalGroup[]): string {
  return `const t=${integerSum(groups)};`
}

function integerSum(groups: readonly DecimalGroup[]): string {
  const terms = groups.map((group, i) => {
    const factor = 10 ** (FULL_GROUP * (groups.length - 1 - i))
    return `(${groupValue(group)})${factor === 1 ? '' : `*${factor}`}`
  })
  return terms.join('+') || '0'
}

/** Sets `t` to the integer part's text without leading zeros. */
function longInteger(groups: readonly DecimalGroup[], pad: string): string {
  const steps = groups.map((group) => `g=${groupValue(group)};t=t===''?(g===0?'':''+g):t+${pad}(g,${group.digits});`)
  return `let t='',g=0;${steps.join('')}if(t==='')t='0';`
}

const TWO_DIGITS: readonly string[] = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'))

function padded(value: number, digits: number): string {
  return digits === 2 && value < 100 ? TWO_DIGITS[value]! : String(value).padStart(digits, '0')
}

const readers = new Map<number, (bytes: Buffer, start: number) => string>()

/** A DECIMAL outside of a row image (inside JSON), from its first byte. */
export function readDecimal(bytes: Buffer, precision: number, scale: number): string {
  if (precision < 1 || precision > MAX_PRECISION || scale > Math.min(precision, MAX_SCALE)) {
    throw corrupt(`DECIMAL(${precision},${scale})`)
  }
  if (decimalWidth(precision, scale) > bytes.length) throw corrupt('DECIMAL past its end')
  const kind = precision * 256 + scale
  let reader = readers.get(kind)
  if (reader === undefined) {
    reader = compileReader(decimalColumn(precision, scale))
    readers.set(kind, reader)
  }
  return reader(bytes, 0)
}

function compileReader(codec: ColumnCodec): (bytes: Buffer, start: number) => string {
  // oxlint-disable-next-line typescript/no-implied-eval
  const create = new Function('pad', `return (b,p)=>{let v;${codec.read('v', () => 'pad')}return v}`)
  return create(padded) as (bytes: Buffer, start: number) => string
}
