import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { type CountedReplies, ReplyRouter } from '../../../src/clients/redis/reply-router.ts'

const BEFORE = ['+first\r\n', '*2\r\n:1\r\n$3\r\na\rb\r\n', '-ERR no\r\n']
const COUNTED = ['+OK\r\n', '+QUEUED\r\n', '+QUEUED\r\n', '*2\r\n-WRONGTYPE a\r\n$6\r\n+OK\r\n-\r\n']
const AFTER = ['$-1\r\n', ':7\r\n']

/** Takes four replies out, and gives the parser one. */
class Counted implements CountedReplies {
  readonly lines: string[] = []
  #left = COUNTED.length

  value(bytes: Buffer, start: number, end: number, depth: number): void {
    this.lines.push(`${depth} ${bytes.toString('latin1', start, end)}`)
  }

  replyEnded(): Buffer | null {
    return --this.#left === 0 ? Buffer.from('+all\r\n') : null
  }
}

/** What the parser of a client gets that is told to count what comes behind three replies, in pieces of `size`. */
async function parsed(size: number): Promise<{ readonly parsed: string; readonly counted: readonly string[] }> {
  const stream = ReplyRouter.putBefore(new PassThrough())
  const queue: (Counted | null)[] = [null, null, null, new Counted(), null, null, new Counted()]
  const [, , , first, , , second] = queue
  let text = ''
  stream.prependListener('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    // As a client does: with the end of each reply its command leaves the queue.
    for (const end of ends(text)) if (end > seen) queue.shift()
    seen = text.length
  })
  let seen = 0
  ReplyRouter.of(stream)!.count(() => queue[0] ?? null)
  const bytes = Buffer.from([...BEFORE, ...COUNTED, ...AFTER, ...COUNTED].join(''), 'latin1')
  for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size))
  stream.resume()
  await new Promise((resolve) => setImmediate(resolve))
  return { parsed: text, counted: [...first!.lines, ...second!.lines] }
}

const EXPECTED = [...BEFORE, '+all\r\n', ...AFTER, '+all\r\n']

/** Where the replies end that the parser is to get. */
function ends(text: string): number[] {
  let end = 0
  return EXPECTED.map((reply) => (end += reply.length)).filter((each) => each <= text.length)
}

test.each([1, 2, 3, 5, 11, 1_000])(
  'replies that are counted do not reach the parser, in pieces of %i bytes',
  async (size) => {
    const result = await parsed(size)
    expect(result.parsed).toBe(EXPECTED.join(''))
    const lines = ['0 +OK', '0 +QUEUED', '0 +QUEUED', '0 *2', '1 -WRONGTYPE a', '1 $6']
    expect(result.counted).toEqual([...lines, ...lines])
  },
)

test('a stream whose bytes are not replies is destroyed, and the parser does not see them', async () => {
  const stream = ReplyRouter.putBefore(new PassThrough())
  let text = ''
  stream.prependListener('data', (chunk: Buffer) => (text += chunk.toString()))
  stream.resume()
  const failed = new Promise<Error>((resolve) => stream.once('error', resolve))
  stream.write('+OK\r\n')
  stream.write('*2147483647\r\n')
  expect((await failed).message).toBe('it sent a reply of 2147483647 elements')
  expect(text).toBe('+OK\r\n')
})
