import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bingo } from './cli-process.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-polled-'))
  using file = new DatabaseSync(join(folder, 'app.db'))
  file.exec(`CREATE TABLE outbox (id INTEGER PRIMARY KEY, topic TEXT, aggregate_id TEXT, payload TEXT, processed_at TEXT);
    CREATE TABLE unmarked (id INTEGER PRIMARY KEY, topic TEXT, aggregate_id TEXT, payload TEXT);
    CREATE TABLE bare (id INTEGER PRIMARY KEY, processed_at TEXT)`)
})
afterAll(() => rm(folder, { recursive: true }))

async function check(entry: string): Promise<readonly string[]> {
  const config = join(folder, 'bingo.yaml')
  const given = entry.includes('url:') ? entry : `url: "file:${join(folder, 'app.db')}", ${entry}`
  await writeFile(config, `outbox:\n  - {poll: 5s, ${given}}\n`)
  await writeFile(join(folder, 'rules.yaml'), 'rules: []\n')
  const env = { BINGO_CONFIG: config, BINGO_RULES: join(folder, 'rules.yaml') }
  const { stdout } = await bingo(['check', '--online', '--json'], { env })
  const { problems } = JSON.parse(stdout) as { problems: { severity: string; code: string; line: number }[] }
  return problems
    .filter(({ code }) => !code.startsWith('BINGO_RULE'))
    .map(({ severity, code, line }) => `${severity} ${code} ${line}`)
}

test.each([
  ['finds nothing where the outbox can be polled', 'table: main.outbox', []],
  ['names a table that is missing', 'table: main.outbx', ['error BINGO_OUTBOX_TABLE 2']],
  ['names a column that marking needs', 'table: main.unmarked', ['error BINGO_OUTBOX_TABLE 2']],
  ['names a column that the shape needs', 'table: main.bare', ['error BINGO_UNKNOWN_COLUMN 2']],
  [
    'warns of a database that does not answer',
    'table: public.outbox, url: "postgres://app@127.0.0.1:1/shop"',
    ['warning BINGO_OUTBOX_UNREACHABLE 2'],
  ],
  [
    'names a secret that is missing',
    'table: public.outbox, url: "postgres://app:${env:NOWHERE}@127.0.0.1:1/shop"',
    ['error BINGO_CONFIG_SECRET 2'],
  ],
])('check --online of an outbox that is polled %s', async (_what, entry, expected) => {
  expect(await check(entry)).toEqual(expected)
})
