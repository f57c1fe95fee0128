/** A random number generator that gives the same numbers for the same seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** An integer in [0, below). */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  text(longest: number): string {
    return Array.from({ length: this.below(longest + 1) }, () => this.pick(ALPHABET)).join('')
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => this.below(10)).join('')
  }

  hex(bytes: number): string {
    return Array.from({ length: bytes }, () => this.below(256).toString(16).padStart(2, '0')).join('')
  }
}

const ALPHABET = Array.from('abcdefghij XYZ0189,"{}äé€ж日😀')
const MEMBERS = Array.from({ length: 20 }, (_, i) => `m${i}`)

/** A column type and literals of values that fit it. */
export interface RandomColumn {
  readonly type: string
  literal(random: Random): string
}

type Maker = (random: Random) => RandomColumn

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

function temporal(name: string, literal: (random: Random) => string): Maker {
  return (random) => ({
    type: `${name}(${random.below(7)})`,
    literal: (more) => quoted(`${literal(more)}.${more.digits(6)}`),
  })
}

const two = (random: Random, below: number, from = 0): string => String(from + random.below(below)).padStart(2, '0')
const date = (random: Random): string =>
  random.chance(5) ? '0000-00-00' : `${1971 + random.below(60)}-${two(random, 12, 1)}-${two(random, 28, 1)}`
const clock = (random: Random): string => `${two(random, 24)}:${two(random, 60)}:${two(random, 60)}`

function integer(type: string, bits: number): Maker {
  return (random) => {
    const unsigned = random.chance(40)
    const values = (more: Random): string => {
      const value = BigInt(`0x${more.hex(8)}`) >> BigInt(64 - bits + more.below(bits))
      return String(unsigned ? value : BigInt.asIntN(bits, value))
    }
    return { type: unsigned ? `${type} UNSIGNED` : type, literal: values }
  }
}

/** Makers of columns that MySQL and MariaDB both have. */
export const COMMON_COLUMNS: readonly Maker[] = [
  integer('TINYINT', 8),
  integer('SMALLINT', 16),
  integer('MEDIUMINT', 24),
  integer('INT', 32),
  integer('BIGINT', 64),
  (random) => {
    const precision = 1 + random.below(65)
    const scale = random.below(Math.min(precision, 30) + 1)
    const literal = (more: Random): string =>
      `${more.chance(50) ? '-' : ''}${more.digits(precision - scale) || '0'}${scale > 0 ? `.${more.digits(scale)}` : ''}`
    return { type: `DECIMAL(${precision},${scale})`, literal }
  },
  () => ({
    type: 'DOUBLE',
    literal: (more) => `${more.digits(1 + more.below(16))}.${more.digits(3)}e${more.below(50) - 25}`,
  }),
  () => ({ type: 'FLOAT', literal: (more) => `-${more.digits(1 + more.below(7))}.${more.digits(2)}` }),
  () => ({ type: 'DATE', literal: (more) => quoted(date(more)) }),
  () => ({ type: 'YEAR', literal: (more) => (more.chance(5) ? '0' : String(1901 + more.below(255))) }),
  temporal('DATETIME', (random) => `${date(random)} ${clock(random)}`),
  temporal(
    'TIME',
    (random) => `${random.chance(40) ? '-' : ''}${random.below(838)}:${two(random, 60)}:${two(random, 60)}`,
  ),
  (random) => ({
    type: `TIMESTAMP(${random.below(7)}) NULL`,
    literal: (more) => quoted(`${date(more)} ${clock(more)}.${more.digits(6)}`),
  }),
  (random) => {
    const bits = 1 + random.below(64)
    return {
      type: `BIT(${bits})`,
      literal: (more) => `b'${BigInt.asUintN(bits, BigInt(`0x${more.hex(8)}`)).toString(2)}'`,
    }
  },
  (random) => {
    const length = random.pick([1, 10, 63, 64, 255, 300])
    return { type: `VARCHAR(${length}) CHARACTER SET utf8mb4`, literal: (more) => quoted(more.text(length)) }
  },
  (random) => {
    const length = random.pick([1, 10, 63, 64, 255])
    return { type: `CHAR(${length}) CHARACTER SET utf8mb4`, literal: (more) => quoted(more.text(length).trimEnd()) }
  },
  (random) => {
    const length = random.pick([1, 16, 255])
    return { type: `BINARY(${length})`, literal: (more) => `x'${more.hex(more.below(length + 1))}'` }
  },
  (random) => {
    const length = random.pick([5, 255, 256])
    return { type: `VARBINARY(${length})`, literal: (more) => `x'${more.hex(more.below(length + 1))}'` }
  },
  (random) => ({
    type: random.pick(['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT']),
    literal: (more) => quoted(more.text(60)),
  }),
  (random) => ({
    type: random.pick(['TINYBLOB', 'BLOB', 'LONGBLOB']),
    literal: (more) => `x'${more.hex(more.below(200))}'`,
  }),
  (random) => {
    const values = MEMBERS.slice(0, 1 + random.below(20))
    return {
      type: `ENUM(${values.map(quoted).join(',')})`,
      literal: (more) => quoted(more.chance(5) ? 'none' : more.pick(values)),
    }
  },
  (random) => {
    const values = MEMBERS.slice(0, 1 + random.below(20))
    const literal = (more: Random): string => quoted(values.filter(() => more.chance(40)).join(','))
    return { type: `SET(${values.map(quoted).join(',')})`, literal }
  },
  () => ({ type: 'GEOMETRY', literal: (more) => `POINT(${more.below(100)}.${more.digits(3)}, -${more.below(50)})` }),
]

/** With those of MySQL alone, but for VECTOR. */
export const MYSQL_COLUMNS: readonly Maker[] = [
  ...COMMON_COLUMNS,
  () => ({ type: 'JSON', literal: (more) => `CAST(${quoted(JSON.stringify(randomJson(more, 3)))} AS JSON)` }),
]

export const MYSQL_COLUMNS_AND_VECTOR: readonly Maker[] = [
  ...MYSQL_COLUMNS,
  () => ({
    type: 'VECTOR(4)',
    literal: (more) => `STRING_TO_VECTOR('[1.5, ${more.digits(4)}, -0.${more.digits(3)}, 3]')`,
  }),
]

function randomJson(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0:
      return random.below(1_000_000) - 500_000
    case 1:
      return random.text(20)
    case 2:
      return random.pick([true, false, null])
    case 3:
      return random.below(1000) / 8
    case 4:
      return 2 ** (20 + random.below(30)) + random.below(1000)
    case 5:
      return Array.from({ length: random.below(5) }, () => randomJson(random, depth - 1))
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(5) }, () => [random.text(6), randomJson(random, depth - 1)]),
      )
  }
}
