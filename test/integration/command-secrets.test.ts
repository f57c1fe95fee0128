import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bingo } from './cli-process.ts'

let folder: string

const CONFIG = `
source: {url: "mysql://bingo:\${env:S_SOURCE}@127.0.0.1:1"}
redis: {url: "redis://:\${env:S_REDIS}@127.0.0.1:1"}
checkpoint: {store: "file:\${env:S_CHECKPOINT}/state"}
deadLetters: {store: "file:\${env:S_LETTERS}/letters"}
http: {listen: "127.0.0.1:1", token: "\${env:S_TOKEN}"}
targets:
  crm: {type: webhook, url: "\${env:S_HOOK}/x"}
rules: rules.yaml
`
const RULES = `
rules:
  - id: paid
    table: shop.orders
    filter: "new.status == 'paid'"
    actions:
      - {target: crm, url: "https://h/{{id}}", headers: {authorization: "Bearer \${env:S_RULE}"}}
      - {type: redis, cmd: DEL, key: "order:{{id}}"}
`
const TESTS = `
tests:
  - name: a paid order
    event: {table: shop.orders, op: insert, key: {id: 1}, new: {id: 1, status: paid}}
    rule: paid
    expect: match
`
const EVENT = '{"op":"insert","table":"shop.orders","new":{"id":1,"status":"paid"}}'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-secrets-'))
  await writeFile(join(folder, 'bingo.yaml'), CONFIG)
  await writeFile(join(folder, 'rules.yaml'), RULES)
  await writeFile(join(folder, 'paid.test.yaml'), TESTS)
})
afterAll(() => rm(folder, { recursive: true }))

const everything = (): Record<string, string> => ({
  S_SOURCE: 'a',
  S_REDIS: 'b',
  S_CHECKPOINT: folder,
  S_LETTERS: folder,
  S_TOKEN: 'c',
  S_HOOK: 'https://h',
  S_RULE: 'd',
})

/** With the secrets that are named, and none of the others. */
async function run(args: readonly string[], secrets: readonly string[]) {
  const env = Object.fromEntries(Object.entries(everything()).filter(([name]) => secrets.includes(name)))
  const { code, stdout, stderr } = await bingo(['--config', join(folder, 'bingo.yaml'), ...args], {
    env: { ...env, BINGO_HTTP_LISTEN: '127.0.0.1:1' },
    cwd: folder,
    input: `${EVENT}\n`,
  })
  const missing = [...new Set(`${stdout}${stderr}`.match(/S_[A-Z]+/g))].toSorted()
  return { code, missing, stdout, stderr }
}

/** Arguments, the secrets that are used, the exit code when they are there and nothing else is. */
const COMMANDS: readonly (readonly [string, readonly string[], number])[] = [
  ['status', ['S_TOKEN'], 4],
  ['health', ['S_TOKEN'], 4],
  ['targets list', ['S_TOKEN'], 4],
  ['targets drop crm', ['S_TOKEN'], 4],
  ['position show', ['S_CHECKPOINT'], 0],
  ['position set latest', ['S_CHECKPOINT', 'S_SOURCE', 'S_TOKEN'], 4],
  ['dead-letters list', ['S_CHECKPOINT', 'S_LETTERS'], 0],
  ['dead-letters drop --all', ['S_CHECKPOINT', 'S_LETTERS'], 0],
  ['dead-letters retry --all --dry-run', ['S_CHECKPOINT', 'S_LETTERS'], 0],
  ['explain -', [], 0],
  ['test paid.test.yaml', [], 0],
]

describe.each(COMMANDS)('bingo %s', (line, used, code) => {
  test('needs the secrets that it uses, and no other', async () => {
    const with_ = await run(line.split(' '), used)
    expect(with_).toMatchObject({ code, missing: [] })
    expect(with_.stderr).not.toContain('SECRET')
    const without = await run(line.split(' '), [])
    expect(without.missing).toEqual(used.toSorted())
    expect(without.stderr.includes('BINGO_CONFIG_SECRET')).toBe(used.length > 0)
  })
})

test.each(['tail', 'run'])('bingo %s names the secrets of its source when they are missing', async (command) => {
  const all = Object.keys(everything())
  const { code, missing } = await run(
    [command],
    all.filter((name) => name !== 'S_SOURCE'),
  )
  expect({ code, missing }).toEqual({ code: 1, missing: ['S_SOURCE'] })
})
