import { afterEach, expect, test, vi } from 'vitest'
import { runCli } from '../../../src/cli/program.ts'

afterEach(() => vi.restoreAllMocks())

async function bingo(...args: string[]): Promise<readonly [code: number, said: string]> {
  let said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
  return [await runCli(['node', 'bingo', ...args]), said]
}

test.each(['run', 'check', 'tail'])('A rules file behind "%s" is told where it belongs', async (command) => {
  const [code, said] = await bingo('--debug', '-c', 'bingo.yaml', command, 'rules.yaml')
  expect(code).toBe(2)
  expect(said).toContain('too many arguments')
  expect(said).toContain(`BINGO_RULES=rules/users.yaml bingo ${command}`)
})

test('Where no file can be meant, there is no such hint', async () => {
  const [code, said] = await bingo('status', 'now')
  expect(code).toBe(2)
  expect(said).toContain('too many arguments')
  expect(said).not.toContain('BINGO_RULES')
})
