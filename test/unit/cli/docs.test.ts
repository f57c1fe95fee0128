import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = new URL('../../../', import.meta.url)
/** Variables, and a stream of NATS, not codes. */
const VARIABLES = new Set(['BINGO_CONFIG', 'BINGO_EVENT_STORE', 'BINGO_SERVERS_CACHE', 'BINGO_READERS'])

function sources(): readonly string[] {
  return readdirSync(new URL('src', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(`src/${name}`, ROOT), 'utf8'))
}

/** Codes stand in quotes, or at the beginning of a message that is printed as it is. */
function codesInSource(): Set<string> {
  const codes = sources().flatMap((text) => [
    ...[...text.matchAll(/'(BINGO_[A-Z0-9_]+)'/g)].map((match) => match[1]!),
    ...[...text.matchAll(/error (BINGO_[A-Z0-9_]+) /g)].map((match) => match[1]!),
  ])
  return new Set(codes.filter((code) => !VARIABLES.has(code) && !code.endsWith('_')))
}

/** The first cell of each row of the tables. */
function codesInDocs(): Set<string> {
  const cells = readFileSync(new URL('docs/errors.md', ROOT), 'utf8').matchAll(/^\| (BINGO_[^|]*) \|/gm)
  return new Set([...cells].flatMap((cell) => cell[1]!.match(/BINGO_[A-Z0-9_]+/g)!))
}

test('every error code is explained in docs/errors.md', () => {
  const documented = codesInDocs()
  expect([...codesInSource()].filter((code) => !documented.has(code)).sort()).toEqual([])
})

test('every code that docs/errors.md explains is one that BinGo can print', () => {
  const known = codesInSource()
  expect([...codesInDocs()].filter((code) => !known.has(code)).sort()).toEqual([])
})

test('every setting is explained in docs/configuration.md', async () => {
  const { environmentName, SETTING_PATHS } = await import('../../../src/app/config/settings.ts')
  const text = readFileSync(new URL('docs/configuration.md', ROOT), 'utf8')
  expect(SETTING_PATHS.filter((path) => !text.includes(`\`${path}\``))).toEqual([])
  expect(environmentName('source.tlsCa')).toBe('BINGO_SOURCE_TLS_CA')
})

test('every metric is explained in docs/metrics.md', () => {
  const source = readFileSync(new URL('src/ops/metrics/metrics.ts', ROOT), 'utf8')
  const text = readFileSync(new URL('docs/metrics.md', ROOT), 'utf8')
  const names = new Set(source.match(/(?:bingo|process)_[a-z_]+/g))
  expect([...names].filter((name) => !text.includes(`\`${name}`))).toEqual([])
})

test('docs/rules.md gives the batch size that each target has', () => {
  const rules = readFileSync(new URL('docs/rules.md', ROOT), 'utf8')
  for (const type of ['redis', 'kafka', 'rabbitmq', 'log', 'nats', 'webhook', 'sql', 'event']) {
    const source = readFileSync(new URL(`src/targets/${type}/target.ts`, ROOT), 'utf8')
    const size = Number(/MAX_BATCH = ([\d_]+)/.exec(source)![1]!.replaceAll('_', ''))
    const row = rules
      .split('\n')
      .find((line) => new RegExp(`^\\| [a-z, ]*\\b${type}\\b[a-z, ]* \\| [^|]* \\| \\d`).test(line))
    expect(`${type}: ${row?.split('|')[3]}`).toMatch(new RegExp(`^${type}: +${size.toLocaleString('en')}\\b`))
  }
})
