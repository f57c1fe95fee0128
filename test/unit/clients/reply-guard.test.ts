import { describe, expect, test } from 'vitest'
import { ReplyGuard } from '../../../src/clients/guards/reply-guard.ts'

const GOOD = [
  '+OK\r\n',
  ':-12\r\n',
  '-ERR unknown\r\n',
  '$-1\r\n',
  '*-1\r\n',
  '$0\r\n\r\n',
  '$5\r\n*9\r\n:\r\n',
  '*0\r\n',
  '*2\r\n*2\r\n:1\r\n$-1\r\n*1\r\n*0\r\n',
  `*1000\r\n${':1\r\n'.repeat(1_000)}`,
].join('')

/** What is wrong with a chunk, read reply by reply; null: nothing. */
function refuse(guard: ReplyGuard, chunk: Buffer): string | null {
  for (let at = 0; at < chunk.length && guard.wrong === null;) at = guard.read(chunk, at)
  return guard.wrong
}

/** The refusal of these bytes, handed over in pieces of `size`. */
function refusal(text: string, size = text.length): string | null {
  const guard = new ReplyGuard()
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += size) {
    // In a buffer that is overwritten afterwards, as sockets may do it.
    const piece = Buffer.from(bytes.subarray(at, at + size))
    const wrong = refuse(guard, piece)
    piece.fill(0)
    if (wrong !== null) return wrong
  }
  return null
}

describe('replies', () => {
  test.each([1, 2, 3, 7, 64, GOOD.length])('pass, in pieces of %i bytes', (size) => {
    expect(refusal(GOOD.repeat(3), size)).toBeNull()
  })

  test('pass for ever, as long as each has its end', () => {
    const guard = new ReplyGuard()
    const bytes = Buffer.from(`*400000\r\n${':1\r\n'.repeat(400_000)}`)
    for (let i = 0; i < 5; i++) expect(refuse(guard, bytes)).toBeNull()
  })

  test('may hold a value of 512 MiB', () => {
    expect(refusal(`$${(512 << 20) - 100}\r\n`)).toBeNull()
  })

  test.each<[string, string, string]>([
    ['a value of 2 GiB', '$2147483648\r\n', 'a value of 2147483648 bytes'],
    ['a length with too many digits', '$99999999999999999999\r\n', 'a length that is not a number'],
    ['a negative length', '$-2\r\n', 'a length that is not a number'],
    ['a length with a letter', '$1x\r\n', 'a length that is not a number'],
    ['an array of 2^31-1', '*2147483647\r\n', 'a reply of 2147483647 elements'],
    ['arrays that are large together', '*500000\r\n'.repeat(3), 'a reply of 1500000 elements'],
    ['arrays nested deeply', '*1\r\n'.repeat(9), 'a reply of more than 8 levels'],
    ['a line without end', `+${'x'.repeat(70_000)}`, 'a line of more than 65536 bytes'],
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n', 'bytes that are not a valid reply'],
    ['RESP3, which nobody asked for', '>3\r\n', 'bytes that are not a valid reply'],
  ])('are refused: %s', (_, text, why) => {
    expect(refusal(text)).toBe(why)
    expect(refusal(text, 1)).toBe(why)
  })

  test('are refused above 512 MiB in total', () => {
    const guard = new ReplyGuard()
    const value = Buffer.concat([Buffer.from(`$${100 << 20}\r\n`), Buffer.alloc(100 << 20), Buffer.from('\r\n')])
    expect(refuse(guard, Buffer.from('*9\r\n'))).toBeNull()
    const refusals = Array.from({ length: 6 }, () => refuse(guard, value))
    expect(refusals.findIndex((why) => why !== null)).toBe(5)
  })
})
