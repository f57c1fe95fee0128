import type { ColumnDef } from '../../../../../../src/model/table/table.ts'
import { deflateSync } from 'node:zlib'
import type { Random } from '../../../../../support/random-tables.ts'
import { column } from '../row-images.ts'
import { binaryJson } from './binary-json-of.ts'

/** A column and bytes of values that it can hold. */
export interface ColumnKind {
  readonly column: (name: string, random: Random) => ColumnDef
  readonly bytes: (random: Random, column: ColumnDef) => Buffer
}

const UTF8 = [33, 45, 255, 83]
const BINARY = 63
/** ascii, latin1, koi8r, sjis, gbk, swe7, utf16, utf32, utf16le, ucs2, gb18030, big5. */
const OTHER_CHARSETS = [11, 8, 7, 13, 28, 10, 54, 60, 56, 35, 248, 1]
const MEMBERS = ['a', '', 'wörd', 'q"uote', 'back\\slash', 'tab\t', '日本', 'z']

const raw = (random: Random, length: number): Buffer => Buffer.from(random.hex(length), 'hex')
/** Small numbers, all ones, and anything. */
const integerBytes = (random: Random, width: number): Buffer => {
  const bytes = random.chance(40) ? raw(random, width) : Buffer.alloc(width, random.pick([0, 0, 255]))
  if (random.chance(60)) bytes[0] = random.below(256)
  if (random.chance(30) && width > 1) bytes[1] = random.below(256)
  return bytes
}

function fixed(type: number, width: number, more: () => Partial<ColumnDef> = () => ({})): ColumnKind {
  return {
    column: (name, random) => column(name, type, 0, { unsigned: random.chance(50), ...more() }),
    bytes: (random) => integerBytes(random, width),
  }
}

function prefixed(lengthBytes: number, value: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntLE(value.length, 0, lengthBytes)
  return Buffer.concat([length, value])
}

/** Text as tables hold it, text full of escapes, long text, and bytes that are no text at all. */
function textBytes(random: Random, longest: number): Buffer {
  const texts: (() => Buffer)[] = [
    () => Buffer.from(random.text(30)),
    () => Buffer.from('plain text of an application, somewhat longer than a word'.slice(0, random.below(58))),
    () =>
      Buffer.from(
        Array.from({ length: random.below(20) }, () => random.below(0x24))
          .map((code) => String.fromCharCode(code))
          .join(''),
      ),
    () =>
      Buffer.from(
        Array.from({ length: random.below(20) }, () =>
          random.pick(['"', '\\', 'é', '\u2028', '\ud7ff', '\ue000', '𐀀', '\u{10ffff}', 'ab', '\x7f', '߿', 'ࠀ']),
        ).join(''),
      ),
    () => raw(random, random.below(12)),
    () => Buffer.from(random.pick(['long ', 'long "quoted" ', 'lang é ', 'x\n']).repeat(random.below(600))),
    () => Buffer.alloc(random.below(3) === 0 ? 2_500 : 3, random.pick([0, 0x22, 0x41, 0xe9])),
  ]
  return random.pick(texts)().subarray(0, longest)
}

function text(type: number, collations: readonly number[]): ColumnKind {
  const isBlob = type >= 249 && type <= 252
  return {
    column: (name, random) =>
      column(name, type, isBlob ? 1 + random.below(4) : random.pick([20, 255, 256, 4000]), {
        collation: random.pick(collations),
      }),
    bytes: (random, { meta }) => {
      const lengthBytes = isBlob ? meta : meta > 255 ? 2 : 1
      return prefixed(lengthBytes, textBytes(random, lengthBytes === 1 ? 255 : 65_535))
    },
  }
}

const doubles = [
  0,
  -0,
  1,
  -1,
  0.1,
  1 / 3,
  1e21,
  1e-7,
  123456.789,
  -98765.4321,
  5e-324,
  1.7976931348623157e308,
  2 ** 53,
  2 ** 60,
  0.001,
  1e15 + 0.5,
  99.99,
]

const decimal: ColumnKind = {
  column: (name, random) => {
    const precision = 1 + random.below(65)
    return column(name, 246, (precision << 8) | random.below(Math.min(precision, 30) + 1))
  },
  bytes: (random, { meta }) => decimalBytes(random, meta >> 8, meta & 255),
}

/** Groups of nine digits in four bytes, as decimal2bin lays them out. */
function decimalBytes(random: Random, precision: number, scale: number): Buffer {
  const widths = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
  const whole = precision - scale
  const sizes = [
    whole % 9,
    ...Array.from({ length: Math.floor(whole / 9) }, () => 9),
    ...Array.from({ length: Math.floor(scale / 9) }, () => 9),
    scale % 9,
  ]
  const zeros = random.below(3)
  const groups = sizes.map((digits, i) => {
    const bytes = Buffer.alloc(widths[digits]!)
    if (digits > 0 && i >= zeros) bytes.writeUIntBE(Number(random.digits(digits)), 0, bytes.length)
    return bytes
  })
  const bytes = Buffer.concat(groups)
  bytes[0]! ^= 0x80
  if (random.chance(40)) for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 0xff
  return bytes
}

function temporal(type: number, base: number, valid: (random: Random) => Buffer): ColumnKind {
  const fraction = (meta: number): number => (meta + 1) >> 1
  return {
    column: (name, random) => column(name, type, random.below(7)),
    bytes: (random, { meta }) => {
      const head = random.chance(80) ? valid(random) : random.chance(50) ? raw(random, base) : Buffer.alloc(base)
      const tail = Buffer.alloc(fraction(meta))
      if (tail.length > 0) tail.writeUIntBE(random.below(100 ** tail.length), 0, tail.length)
      return Buffer.concat([head, tail])
    },
  }
}

const datetime = (random: Random): Buffer => {
  const day = (((random.below(10_000) * 13 + random.below(13)) << 5) | random.below(32)) + 0x40_0000
  const bytes = Buffer.alloc(5)
  bytes.writeUIntBE(
    Number((BigInt(day) << 17n) | BigInt(random.below(24) * 4096 + random.below(60) * 64 + random.below(60))),
    0,
    5,
  )
  return bytes
}

function opaque(
  type: number,
  meta: number,
  value: (random: Random) => Buffer,
  more: Partial<ColumnDef> = {},
): ColumnKind {
  const lengthBytes = [15, 141, 254].includes(type) ? (meta > 255 ? 2 : 1) : meta
  return { column: (name) => column(name, type, meta, more), bytes: (random) => prefixed(lengthBytes, value(random)) }
}

const point = (random: Random): Buffer => {
  const bytes = Buffer.alloc(25)
  bytes.writeUInt32LE(random.pick([0, 4326, 3857]))
  bytes[4] = 1
  bytes.writeUInt32LE(1, 5)
  bytes.writeDoubleLE(random.below(1000) / 7, 9)
  return bytes
}

const compressed = (random: Random): Buffer => {
  const value = textBytes(random, 200)
  if (value.length === 0) return value
  if (random.chance(50)) return Buffer.concat([Buffer.of(0), value])
  return Buffer.concat([Buffer.of(0x81, value.length), deflateSync(value)])
}

/** Columns of every type that a server writes. */
export const KINDS: readonly ColumnKind[] = [
  fixed(1, 1),
  fixed(2, 2),
  fixed(9, 3),
  fixed(3, 4),
  fixed(8, 8),
  fixed(8, 8),
  fixed(13, 1),
  fixed(11, 3),
  fixed(7, 4),
  fixed(10, 3),
  fixed(14, 3),
  {
    column: (name) => column(name, 12),
    bytes: (random) => {
      const b = Buffer.alloc(8)
      b.writeBigUInt64LE(BigInt(random.below(10_000)) * 10_000_000_000n + BigInt(random.below(1_000_000_000)))
      return b
    },
  },
  {
    column: (name, random) => column(name, 12, 1 + random.below(6), { special: 'mariadb53-temporal' }),
    bytes: (random, { meta }) => raw(random, [5, 6, 6, 7, 7, 7, 8][meta]!),
  },
  {
    column: (name) => column(name, 4, 4),
    bytes: (random) =>
      Buffer.from(Float32Array.of(random.chance(30) ? random.pick(doubles.slice(0, 8)) : random.below(1e6) / 7).buffer),
  },
  {
    column: (name) => column(name, 5, 8),
    bytes: (random) =>
      Buffer.from(
        Float64Array.of(
          random.chance(40)
            ? random.pick(doubles)
            : random.chance(50)
              ? random.below(1e9) / random.pick([1, 10, 100, 1000, 7])
              : -random.below(1e6) / 1e5,
        ).buffer,
      ),
  },
  decimal,
  decimal,
  {
    column: (name, random) => column(name, 16, 1 + random.below(64)),
    bytes: (random, { meta }) => integerBytes(random, (meta + 7) >> 3),
  },
  temporal(18, 5, datetime),
  temporal(17, 4, (random) => {
    const b = Buffer.alloc(4)
    b.writeUInt32BE(random.below(2 ** 32))
    return b
  }),
  temporal(19, 3, (random) => Buffer.of(0x80 + random.below(40), random.below(256), random.below(60))),
  {
    column: (name) => column(name, 247, 1, { values: MEMBERS }),
    bytes: (random) => Buffer.of(random.below(MEMBERS.length + 1)),
  },
  { column: (name) => column(name, 248, 1, { values: MEMBERS }), bytes: (random) => Buffer.of(random.below(256)) },
  text(15, UTF8),
  text(15, UTF8),
  text(254, UTF8),
  text(252, UTF8),
  text(253, UTF8),
  text(15, OTHER_CHARSETS),
  text(252, OTHER_CHARSETS),
  text(254, OTHER_CHARSETS),
  text(15, [BINARY]),
  text(254, [BINARY]),
  text(252, [BINARY]),
  opaque(254, 16, (random) => raw(random, random.below(17)), { collation: BINARY, special: 'uuid' }),
  opaque(254, 4, (random) => raw(random, random.below(5)), { collation: BINARY, special: 'inet4' }),
  opaque(254, 16, (random) => (random.chance(50) ? Buffer.alloc(0) : raw(random, 16)), {
    collation: BINARY,
    special: 'inet6',
  }),
  opaque(254, 3, (random) => raw(random, 3), { collation: BINARY, special: 'unknown' }),
  opaque(140, 2, compressed, { collation: 255 }),
  opaque(141, 300, compressed, { collation: 255 }),
  opaque(255, 4, point),
  opaque(242, 4, (random) =>
    Buffer.from(Float32Array.from({ length: random.below(4) }, () => random.below(100) / 7).buffer),
  ),
  opaque(245, 4, (random) => binaryJson(random)),
  opaque(245, 4, (random) => binaryJson(random)),
]
