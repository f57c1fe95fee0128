import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MissingSecret, resolveSecrets } from '../../../src/model/secrets.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-secrets-'))
  writeFileSync(join(folder, 'latin1'), Buffer.from([0x70, 0xe4, 0x73, 0x73]))
  writeFileSync(join(folder, 'large'), 'x'.repeat((1 << 20) + 1))
})
afterAll(() => rmSync(folder, { recursive: true }))

function missing(text: string): MissingSecret {
  try {
    resolveSecrets(text, { env: {}, baseDir: folder, url: false })
  } catch (error) {
    if (error instanceof MissingSecret) return error
    throw error
  }
  throw new Error('nothing is missing')
}

test.each([
  ['${env:X}', 'the environment variable X is not set', /in the environment/, true],
  ['${env:}', '${env:} names no variable', /\$\{env:NAME\}/, false],
  ['${env: }', '${env:} names no variable', /\$\{env:NAME\}/, false],
  ['${file:}', '${file:} names no file', /\$\{file:\/path\}/, false],
  ['${file:gone}', 'gone cannot be read (ENOENT)', /correct the path, or put the file there/, true],
  ['${file:latin1/x}', 'latin1/x cannot be read (ENOTDIR)', /correct the path, or put the file there/, true],
  ['${file:.}', 'cannot be read (it is a folder)', /must be a file/, false],
  ['${file:large}', 'cannot be read (it is larger than 1 MiB)', /at most 1 MiB/, false],
  ['${file:/dev/null}', 'cannot be read (it is a device or a pipe, not a file)', /must be a file/, false],
  ['${file:latin1}', 'cannot be read (the file is not valid UTF-8 here)', /save it as UTF-8/, false],
])('the secret %s says what is wrong and what would be right', (text, message, hint, absent) => {
  const error = missing(`at ${text}`)
  expect(error.message).toContain(message)
  expect(error.hint).toMatch(hint)
  expect(error).toMatchObject({ offset: 3, absent })
})
