import { expect, test } from 'vitest'
import { KeptLines } from '../../../../src/cli/events/kept-lines.ts'

const textOf = (buffers: readonly Buffer[]): string => Buffer.concat(buffers).toString()

test('Kept lines come out in their order, without those that were dropped', () => {
  const kept = new KeptLines(1_000_000)
  for (const seq of [0, 0, 5, 7]) kept.addText(seq, `row ${seq}`)
  kept.dropFrom(5)
  kept.addText(9, 'größer')
  expect([kept.count, kept.bytes]).toEqual([3, 21])
  expect(textOf(kept.take().buffers)).toBe('row 0\nrow 0\ngrößer\n')
  expect([kept.count, kept.bytes]).toEqual([0, 0])
})

test('A buffer is written to again only when all of its lines were taken by whoever prints them', () => {
  const kept = new KeptLines(1_000_000)
  const waiting: { text: string; buffers: readonly Buffer[]; written: () => void }[] = []
  const seen = new Set<Buffer>()
  let reused = 0
  for (let round = 0; round < 60; round++) {
    let text = ''
    for (let i = 0; i < 20; i++) {
      const line = `${round}:${i} `.repeat(900)
      const before = kept.arena.buffer
      kept.addText(round, line)
      if (kept.arena.buffer !== before && seen.has(kept.arena.buffer)) reused += 1
      seen.add(kept.arena.buffer)
      text += `${line}\n`
    }
    if (round % 7 === 3) {
      kept.dropFrom(round)
      text = ''
    }
    const { buffers, written } = kept.take()
    waiting.push({ text, buffers, written })
    while (waiting.length > 3) {
      const oldest = waiting.shift()!
      expect(textOf(oldest.buffers)).toBe(oldest.text)
      oldest.written()
    }
  }
  for (const each of waiting) expect(textOf(each.buffers)).toBe(each.text)
  expect(reused).toBeGreaterThan(5)
})
