import { describe, expect, it } from 'vitest'
import { parseCheckpoint, serialiseCheckpoint } from '../../../../src/state/checkpoint/record.ts'
import { storedCheckpoint as checkpoint } from '../../../support/checkpoints.ts'

describe('a stored checkpoint', () => {
  it('is loaded unchanged', () => {
    expect(parseCheckpoint(serialiseCheckpoint(checkpoint), 'bingo', 'here')).toEqual(checkpoint)
  })

  it('keeps the gaps, and refuses a record of them that is none', () => {
    const { position } = checkpoint
    const gap = { id: 'g', at: 1, code: 'C', reason: 'r', missing: null, from: null, to: position, announced: true }
    const gaps = { total: 3, recent: [{ ...gap, onGap: 'latest' as const }] }
    expect(parseCheckpoint(serialiseCheckpoint({ ...checkpoint, gaps }), 'bingo', 'here').gaps).toEqual(gaps)
    const wrong = { total: 1, recent: [{ ...gap, onGap: 'never' }] } as never
    const stored = serialiseCheckpoint({ ...checkpoint, gaps: wrong })
    expect(() => parseCheckpoint(stored, 'bingo', 'here')).toThrow(
      'gaps.recent[0].onGap is not one of earliest, latest',
    )
  })

  it('is JSON that people can read', () => {
    expect(JSON.parse(serialiseCheckpoint(checkpoint))).toMatchObject({ ...checkpoint, crc: expect.any(String) })
  })

  it('is refused as corrupt when any byte has changed or the end is missing', () => {
    const stored = serialiseCheckpoint(checkpoint)
    for (let i = 0; i < stored.length; i++) {
      const flipped = stored.slice(0, i) + String.fromCharCode(stored.charCodeAt(i) ^ 1) + stored.slice(i + 1)
      expect(() => parseCheckpoint(flipped, 'bingo', 'here')).toThrow(
        expect.objectContaining({ code: 'BINGO_CHECKPOINT_CORRUPT' }),
      )
      expect(() => parseCheckpoint(stored.slice(0, i), 'bingo', 'here')).toThrow(
        expect.objectContaining({ code: 'BINGO_CHECKPOINT_CORRUPT' }),
      )
    }
  })

  it('is refused when it belongs to another instance', () => {
    expect(() => parseCheckpoint(serialiseCheckpoint(checkpoint), 'other', 'here')).toThrow(
      expect.objectContaining({ code: 'BINGO_CHECKPOINT_FOREIGN' }),
    )
  })

  it('is refused when a newer program wrote it', () => {
    const newer = serialiseCheckpoint({ ...checkpoint, version: 2 as 1 })
    expect(() => parseCheckpoint(newer, 'bingo', 'here')).toThrow(
      expect.objectContaining({ code: 'BINGO_CHECKPOINT_AHEAD' }),
    )
  })

  it('is refused when a field has the wrong type, although the checksum is right', () => {
    const wrong = serialiseCheckpoint({ ...checkpoint, epoch: -1 })
    expect(() => parseCheckpoint(wrong, 'bingo', 'here')).toThrow(
      expect.objectContaining({ code: 'BINGO_CHECKPOINT_CORRUPT' }),
    )
  })
})
