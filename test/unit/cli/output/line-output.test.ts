import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LineOutput } from '../../../../src/cli/output/line-output.ts'

type Written = (error?: Error) => void

/** A stream whose reader takes each chunk when the test says so. */
function slowStream(highWaterMark: number) {
  const waiting: Written[] = []
  const stream = new Writable({ highWaterMark, write: (_chunk, _encoding, written) => void waiting.push(written) })
  const take = async (error?: Error): Promise<void> => {
    waiting.shift()!(error)
    await turn()
  }
  return { stream, take }
}

function epipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  await turn()
  return Promise.race([promise.then(() => true), turn().then(() => false)])
}

test('Flushing ends when the last write was accepted, although the stream never asked to wait', async () => {
  const { stream, take } = slowStream(1_000)
  const output = new LineOutput(stream, () => undefined)
  expect(output.write(['short'])).toBeUndefined()
  const flushed = output.flush()
  expect(await isSettled(flushed)).toBe(false)
  await take()
  expect(await isSettled(flushed)).toBe(true)
})

test('Flushing waits for every chunk that was written', async () => {
  const { stream, take } = slowStream(1_000)
  const output = new LineOutput(stream, () => undefined)
  for (const line of ['1', '2', '3']) void output.write([line])
  const flushed = output.flush()
  await take()
  // What waited behind the first chunk goes out one by one.
  await take()
  expect(await isSettled(flushed)).toBe(false)
  await take()
  expect(await isSettled(flushed)).toBe(true)
})

test('What is written in one turn is handed over together, in its order, and nothing of it waits for more', async () => {
  const calls: string[] = []
  const stream = new Writable({
    writev: (chunks, written) => {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''))
      written()
    },
  })
  const output = new LineOutput(stream, () => undefined)
  let taken = 0
  for (const line of ['1', '2', '3']) {
    expect(output.write([line])).toBeUndefined()
    expect(output.writeBytes([Buffer.from(`${line}b\n`)], () => (taken += 1))).toBeUndefined()
  }
  expect([calls, taken]).toEqual([[], 0])
  await turn()
  await turn()
  expect([calls, taken]).toEqual([['1\n1b\n2\n2b\n3\n3b\n'], 3])
  void output.write(['4'])
  await turn()
  await turn()
  expect(calls.at(-1)).toBe('4\n')
})

test('Much that is written in one turn is handed over at once, and in pieces', () => {
  let bytes = 0
  const stream = new Writable({ highWaterMark: 1024 * 1024, write: (chunk: Buffer) => void (bytes += chunk.length) })
  const output = new LineOutput(stream, () => undefined)
  for (let i = 0; i < 400; i++) void output.write(['x'.repeat(999)])
  expect(bytes + stream.writableLength).toBeGreaterThan(360_000)
})

test('Flushing accepted output ends at once', async () => {
  const { stream } = slowStream(1_000)
  expect(await isSettled(new LineOutput(stream, () => undefined).flush())).toBe(true)
})

test('A write to a reader that is slower than we are waits for it', async () => {
  const { stream, take } = slowStream(4)
  const output = new LineOutput(stream, () => undefined)
  const written = output.write(['more than fits'])
  expect(written).toBeInstanceOf(Promise)
  await take()
  expect(await isSettled(written as Promise<void>)).toBe(true)
})

test.each([
  ['that goes away', (_stream: Writable, take: (error: Error) => Promise<void>) => void take(epipe())],
  ['whose stream is destroyed without an error', (stream: Writable) => void stream.destroy()],
])('A reader %s ends the wait of writes and of flushes', async (_what, end) => {
  const { stream, take } = slowStream(4)
  let closed = 0
  const output = new LineOutput(stream, () => (closed += 1))
  const written = output.write(['more than fits']) as Promise<void>
  const flushed = output.flush()
  end(stream, take)
  expect(await isSettled(Promise.all([written, flushed]))).toBe(true)
  expect(closed).toBe(1)
  expect(output.write(['nobody reads this'])).toBeUndefined()
  expect(await isSettled(output.flush())).toBe(true)
})

test('Output that fails for another reason than its reader is an error with a code', async () => {
  const { stream, take } = slowStream(1_000)
  let closed = 0
  const output = new LineOutput(stream, () => (closed += 1))
  void output.write(['to a full disk'])
  await turn()
  await take(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
  await expect(output.flush()).rejects.toMatchObject({ code: 'BINGO_OUTPUT' })
  expect(closed).toBe(1)
})

test('A write that does not fit waits for the oldest that was handed over, so that the stream has work meanwhile', async () => {
  const { stream, take } = slowStream(40_000)
  const output = new LineOutput(stream, () => undefined)
  const line = 'x'.repeat(33_000)
  expect(output.write([line])).toBeUndefined()
  const written = output.write([line]) as Promise<void>
  expect(await isSettled(written)).toBe(false)
  await take()
  expect(await isSettled(written)).toBe(true)
  expect(stream.writableLength).toBeGreaterThan(33_000)
})
