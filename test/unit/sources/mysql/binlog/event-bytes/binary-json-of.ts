import type { Random } from '../../../../../support/random-tables.ts'

/**
 * A random document of the JSON type as the server stores it (sql-common/json_binary.h), large and small containers,
 * scalars of all types, opaque values of SQL types.
 */
export function binaryJson(random: Random): Buffer {
  if (random.chance(3)) return Buffer.alloc(0)
  const { type, bytes } = value(random, 0)
  return Buffer.concat([Buffer.of(type), bytes])
}

interface Stored {
  readonly type: number
  readonly bytes: Buffer
}

function value(random: Random, depth: number): Stored {
  const kind = random.below(depth > 3 ? 10 : 14)
  if (kind >= 12) return container(random, depth, true)
  if (kind >= 10) return container(random, depth, false)
  switch (kind) {
    case 0:
      return { type: 4, bytes: Buffer.of(random.below(3)) }
    case 1:
      return { type: random.pick([5, 6]), bytes: raw(random, 2) }
    case 2:
      return { type: random.pick([7, 8]), bytes: raw(random, 4) }
    case 3:
      return {
        type: random.pick([9, 10]),
        bytes: random.chance(50) ? raw(random, 8) : Buffer.concat([raw(random, 3), Buffer.alloc(5)]),
      }
    case 4:
      return { type: 11, bytes: Buffer.from(Float64Array.of(random.below(1e6) / random.pick([1, 7, 100])).buffer) }
    case 5:
      return { type: 15, bytes: opaque(random) }
    default:
      return { type: 12, bytes: prefixed(text(random)) }
  }
}

const text = (random: Random): Buffer =>
  random.chance(10)
    ? raw(random, random.below(8))
    : Buffer.from(random.text(12) + random.pick(['', '"', '\n', '\\', '😀', '9007199254740993']))

function prefixed(bytes: Buffer): Buffer {
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]
  return Buffer.concat([Buffer.from(length), bytes])
}

function opaque(random: Random): Buffer {
  const datetime = Buffer.alloc(8)
  datetime.writeBigInt64LE((BigInt(random.below(2000) * 13 + random.below(13)) << 46n) | BigInt(random.below(1e6)))
  return random.pick([
    () => Buffer.concat([Buffer.of(246), prefixed(Buffer.of(4, 2, 0x80 + random.below(100), random.below(100)))]),
    () => Buffer.concat([Buffer.of(random.pick([10, 11, 12, 7])), prefixed(datetime)]),
    () => Buffer.concat([Buffer.of(252), prefixed(raw(random, random.below(10)))]),
  ])()
}

function container(random: Random, depth: number, isObject: boolean): Stored {
  const large = random.chance(30)
  const word = large ? 4 : 2
  const count = random.below(5)
  // Sorted as the server does: by length, then by bytes; no key twice.
  const keys = isObject
    ? [
        ...new Set(
          Array.from({ length: count }, () =>
            random.pick(['', 'a', 'b', '7', '0', 'key', '__proto__', 'toJSON', 'q"k', 'ключ']),
          ),
        ),
      ]
    : []
  const sorted = keys
    .map((key) => Buffer.from(key))
    .sort((one, other) => one.length - other.length || one.compare(other))
  const values = Array.from({ length: isObject ? sorted.length : count }, () => value(random, depth + 1))
  const head = 2 * word + sorted.length * (word + 2) + values.length * (word + 1)
  const entries = Buffer.alloc(head)
  const put = (number: number, at: number): void => void entries.writeUIntLE(number, at, word)
  const tail: Buffer[] = []
  let end = head
  const add = (bytes: Buffer): number => {
    tail.push(bytes)
    end += bytes.length
    return end - bytes.length
  }
  sorted.forEach((key, i) => {
    const at = 2 * word + i * (word + 2)
    put(add(key), at)
    entries.writeUInt16LE(key.length, at + word)
  })
  values.forEach(({ type, bytes }, i) => {
    const at = 2 * word + sorted.length * (word + 2) + i * (word + 1)
    const isInlined = [4, 5, 6].includes(type) || (large && [7, 8].includes(type))
    entries[at] = type
    if (isInlined) bytes.copy(entries, at + 1)
    else put(add(bytes), at + 1)
  })
  put(values.length, 0)
  put(end, word)
  return { type: (isObject ? 0 : 2) + (large ? 1 : 0), bytes: Buffer.concat([entries, ...tail]) }
}

function raw(random: Random, length: number): Buffer {
  return Buffer.from(random.hex(length), 'hex')
}
