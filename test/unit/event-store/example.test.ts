import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('The example rebuilds its read model from position 0 and then follows', async () => {
  const example = fileURLToPath(new URL('../../../examples/event-store.ts', import.meta.url))
  const { stdout } = await run(process.execPath, ['--no-warnings', example])
  const text = stdout.replaceAll('[Object: null prototype] ', '').replaceAll(/\s+/g, ' ')
  expect(text).toBe(
    "{ state: { owner: 'Ann', balance: 50 }, version: 4 } " +
      "rebuilt [ { owner: 'Ann', balance: 50 } ] " +
      "followed [ { owner: 'Ann', balance: 50 }, { owner: 'Bob', balance: 8 } ] ",
  )
})
