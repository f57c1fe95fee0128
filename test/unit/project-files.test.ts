import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { ROOMS } from '../../.config/rooms.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')

interface Form {
  readonly name: string
  readonly description: string
  readonly body: readonly {
    readonly type: string
    readonly id?: string
    readonly attributes: { readonly label?: string }
  }[]
}

function yamlFiles(folder: string): string[] {
  return readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => `${folder}/${name}`)
}

function parsed(path: string): unknown {
  const document = parseDocument(read(path), { uniqueKeys: true })
  expect([...document.errors, ...document.warnings], path).toEqual([])
  return document.toJS()
}

test.each([...yamlFiles('.github'), 'docker-compose.yml', 'config/bingo.yaml'])('%s is valid YAML', (path) => {
  expect(parsed(path)).toBeTypeOf('object')
})

test('CI runs what everybody can run: .ci/run', () => {
  const { jobs } = parsed('.github/workflows/ci.yml') as { jobs: { test: { steps: { run?: string }[] } } }
  expect(jobs.test.steps.map(({ run }) => run)).toContain('.ci/run')
})

test.each(['bug', 'feature'])('The issue form %s has what forms need', (name) => {
  const form = parsed(`.github/ISSUE_TEMPLATE/${name}.yml`) as Form
  expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) })
  const fields = form.body.filter(({ type }) => type !== 'markdown')
  expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length)
  expect(fields.filter(({ attributes }) => !attributes.label)).toEqual([])
})

test('CONTRIBUTING.md has every room as the table of rooms has it', () => {
  const rows = read('CONTRIBUTING.md').split('\n')
  const missing = ROOMS.map(({ folder, floor, is }) => `| \`${folder}\` | ${floor} | ${is} |`).filter(
    (row) => !rows.includes(row),
  )
  expect(missing).toEqual([])
})

test('Paths that CONTRIBUTING.md names are there', () => {
  const paths = read('CONTRIBUTING.md').match(/`(?:src|test|docs|\.config|\.ci)\/[\w./-]+`/g)!
  const named = paths.map((path) => path.slice(1, -1)).filter((path) => !path.includes('NAME'))
  expect(named.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([])
})

test('The image carries no rules', () => {
  expect(read('Dockerfile')).not.toMatch(/^COPY .*\brules\b/m)
  expect(read('Dockerfile')).toMatch(/^USER \d+:\d+$/m)
})
