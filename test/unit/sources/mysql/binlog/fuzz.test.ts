import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checksumOf } from '../../../../../src/sources/mysql/binlog/format/checksum.ts'
import { BingoError } from '../../../../../src/model/errors.ts'
import type { Flavour } from '../../../../../src/model/table/table.ts'
import { Recorder, readerFor, splitEvents } from './recorder.ts'

const ROUNDS = 1500

/** Small generator with a seed (mulberry32), so that a failure can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** Truncates, overwrites bytes, or puts in lengths that are far too large; size and checksum are made right again. */
function mutate(event: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(event)
  const body = () => 19 + random(Math.max(1, bytes.length - 23))
  switch (random(4)) {
    case 0:
      bytes = Buffer.concat([bytes.subarray(0, body()), Buffer.alloc(4)])
      break
    case 1:
      for (let i = random(4); i >= 0; i--) bytes[body()] = random(256)
      break
    case 2:
      bytes.fill(0xff, body(), Math.min(bytes.length, body() + random(10)))
      break
    default:
      bytes[4] = [2, 4, 16, 19, 23, 24, 30, 31, 33, 35, 38, 39, 40, 42, 160, 162, 163, 165, 166, 169][random(20)]!
  }
  bytes.writeUInt32LE(bytes.length, 9)
  bytes.writeUInt32LE(checksumOf(bytes, 0, bytes.length - 4), bytes.length - 4)
  return bytes
}

describe.each<[string, Flavour]>([
  ['mysql-9.7.000001', 'mysql'],
  ['mariadb-10.11.000001', 'mariadb'],
])('changed events of %s', (name, flavour) => {
  const events = splitEvents(readFileSync(new URL(`fixtures/${name}`, import.meta.url)))

  test.each([1, 2, 3])('end in a BingoError or in transactions, whatever is changed (seed %i)', async (seed) => {
    const random = randomFrom(seed)
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; round < ROUNDS; round++) {
      const victim = 1 + random(events.length - 1)
      // The transactions around the changed event are enough to meet every state.
      const window = [events[0]!, ...events.slice(Math.max(1, victim - 8), victim)]
      try {
        const reader = readerFor(new Recorder(), { flavour })
        for (const event of [...window, mutate(events[victim]!, random), ...events.slice(victim + 1, victim + 4)]) {
          const pending = reader.feed(event, 0, event.length)
          if (pending !== undefined) await pending
        }
      } catch (error) {
        if (!(error instanceof BingoError)) throw error
      }
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 1024 * 1024)
  })
})
