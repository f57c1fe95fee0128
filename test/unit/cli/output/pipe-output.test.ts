import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { afterAll, expect, test } from 'vitest'
import { PipeOutput } from '../../../../src/cli/output/pipe-output.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-pipe-'))
afterAll(() => rmSync(folder, { recursive: true }))

let pipes = 0
/** A path that writers and readers open as the two ends of a pipe. */
function pipe(): string {
  const path = join(folder, `pipe-${(pipes += 1)}`)
  execFileSync('mkfifo', [path])
  return path
}

/** Node's own stream of the pipe, which keeps what it is given. */
function collecting() {
  const chunks: Buffer[] = []
  const stream = new Writable({ write: (chunk: Buffer, _encoding, done) => (chunks.push(chunk), done()) })
  return { stream, text: () => Buffer.concat(chunks).toString() }
}

const LINES = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(1_000)}\n`)

function writeAll(output: PipeOutput): Promise<void> {
  for (const line of LINES) output.write(line)
  output.end()
  return finished(output)
}

test('A pipe gets all bytes in their order, however slowly they are read, and the stream none', async () => {
  const path = pipe()
  const [reader, writer] = await Promise.all([open(path, 'r'), open(path, 'w')])
  const { stream, text } = collecting()
  const written = writeAll(new PipeOutput(stream, writer.fd)).finally(() => writer.close())
  const got = await reader.readFile('utf8')
  await written
  await reader.close()
  expect(got).toBe(LINES.join(''))
  expect(text()).toBe('')
})

test('Where the pipe does not block, what it does not take goes out through the stream, behind what it took', async () => {
  const fd = openSync(pipe(), constants.O_RDWR | constants.O_NONBLOCK)
  const { stream, text } = collecting()
  await writeAll(new PipeOutput(stream, fd))
  const taken = Buffer.alloc(1024 * 1024)
  const bytes = readSync(fd, taken)
  closeSync(fd)
  expect(bytes).toBeGreaterThan(0)
  expect(taken.toString('utf8', 0, bytes) + text()).toBe(LINES.join(''))
})

test('A reader that goes away is the error of a closed pipe', async () => {
  const path = pipe()
  const [reader, writer] = await Promise.all([open(path, 'r'), open(path, 'w')])
  const failed = writeAll(new PipeOutput(collecting().stream, writer.fd))
  await reader.close()
  await expect(failed).rejects.toMatchObject({ code: 'EPIPE' })
  await writer.close()
})
