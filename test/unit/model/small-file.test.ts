import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { MAX_SMALL_FILE_BYTES, readSmallFile } from '../../../src/model/small-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-small-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('A file of 1 MiB is read, a larger one is not', () => {
  const path = join(folder, 'file')
  writeFileSync(path, 'x'.repeat(MAX_SMALL_FILE_BYTES))
  expect(readSmallFile(path)).toHaveLength(MAX_SMALL_FILE_BYTES)
  writeFileSync(path, 'x'.repeat(MAX_SMALL_FILE_BYTES + 1))
  expect(() => readSmallFile(path)).toThrow('larger than 1 MiB')
})

test('A device is refused instead of being read for ever', () => {
  expect(() => readSmallFile('/dev/zero')).toThrow('a device or a pipe')
})

test('A pipe is refused without waiting for who writes into it', async () => {
  const path = join(folder, 'pipe')
  await runCommand({ command: 'mkfifo', args: [path], env: {} })
  expect(() => readSmallFile(path)).toThrow('a device or a pipe')
})

test('A folder and a missing file are reported as such', () => {
  expect(() => readSmallFile(folder)).toThrow('it is a folder')
  expect(() => readSmallFile(join(folder, 'nothing'))).toThrow('ENOENT')
})

test('A file that is not UTF-8 is refused, with the place of the first invalid byte', () => {
  const path = join(folder, 'encoded')
  writeFileSync(path, Buffer.from('a: 1\nb: größe\n', 'latin1'))
  expect(() => readSmallFile(path)).toThrow(expect.objectContaining({ line: 2, column: 6 }))
  writeFileSync(path, Buffer.from('\ufefftext: größe', 'utf8'))
  expect(readSmallFile(path)).toBe('text: größe')
})
