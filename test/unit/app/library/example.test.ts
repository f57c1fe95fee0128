import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = new URL('../../../../', import.meta.url)
const run = promisify(execFile)

test('The example runs, resumes where it was, and exits by itself', async () => {
  const script = fileURLToPath(new URL('examples/custom-source-and-target.ts', ROOT))
  const { stdout, stderr } = await run(process.execPath, [script])
  expect(stderr).toBe('')
  expect(stdout).toContain('{"id":"line-0/0","body":{"order":1,"total":12.5}}\n{"id":"line-2/0"')
  expect(stdout).toContain(`{ rowsTotal: 1, matchedTotal: 1, position: '{"line":3}' }`)
})

test('the documentation names every example', () => {
  const docs = readdirSync(new URL('docs', ROOT)).filter((name) => name.endsWith('.md'))
  const text = docs.map((name) => readFileSync(new URL(`docs/${name}`, ROOT), 'utf8')).join('')
  expect(readdirSync(new URL('examples', ROOT)).filter((name) => !text.includes(name))).toEqual([])
})
