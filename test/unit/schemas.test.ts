import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { schemas, settingDocs } from '../../.config/schemas.ts'
import { SETTING_PATHS } from '../../src/app/config/settings.ts'
import { actionTypes } from '../../src/targets/registry.ts'
import type { JsonSchema } from '../../src/rules/schema/json-schema.ts'
import { violations } from '../support/json-schema.ts'

const generated = schemas()
const rules = JSON.parse(generated.get('rules.schema.json')!) as JsonSchema
const config = JSON.parse(generated.get('config.schema.json')!) as JsonSchema

const yamlOf = (text: string): unknown => parse(text, { merge: true })
const blocks = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text]) => text!)

describe('The published JSON schemas', () => {
  test.each([...generated.keys()])('are current: %s (else: npm run schemas)', (name) => {
    expect(JSON.parse(readFileSync(`schemas/${name}`, 'utf8'))).toEqual(JSON.parse(generated.get(name)!))
  })

  test.each(globSync('rules/*.yaml').toSorted())('take %s, which points to them', (file) => {
    const text = readFileSync(file, 'utf8')
    expect(violations(yamlOf(text), rules)).toEqual([])
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/schemas\/rules\.schema\.json$/m)
  })

  test('take the saga of the example and of its docs', () => {
    const texts = [readFileSync('examples/sagas/rules.yaml', 'utf8'), ...blocks('docs/sagas.md')]
    const sagas = texts.filter((text) => /^sagas:/m.test(text))
    expect(sagas.length).toBeGreaterThan(1)
    for (const text of sagas) expect(violations(yamlOf(text), rules)).toEqual([])
  })

  test('take the configuration, as it is and with everything that is commented out', () => {
    const text = readFileSync('config/bingo.yaml', 'utf8')
    expect(violations(yamlOf(text), config)).toEqual([])
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/schemas\/config\.schema\.json$/m)
  })

  test.each(['README.md', 'docs/rules.md', 'docs/recipes.md'])('take the rules in %s', (page) => {
    const found = blocks(page).filter((text) => text.startsWith('rules:'))
    expect(found.length).toBeGreaterThan(0)
    for (const text of found) expect(violations(yamlOf(text), rules)).toEqual([])
  })

  test.each([
    ['rules: [{id: a, tabel: t, actions: [{type: log}]}]', 'tabel is unknown'],
    ['rules: [{id: a, table: t, actions: [{type: redis, cmd: DEL, kye: k}]}]', 'kye is unknown'],
    ['rules: [{id: a, table: t, events: [UPSERT], actions: [{type: log}]}]', 'events'],
    ['rules: [{id: a, table: t, timeout: 5, actions: [{type: log}]}]', 'timeout'],
    ['rules: [{id: a, table: t, actions: []}, {table: t}]', 'id is missing'],
    ['rules: {}', 'is not array'],
    ['sagas: [{id: a, on: x.y, key: k, step: []}]', 'step is unknown'],
    ['sagas: [{id: a, on: x.y, key: k, steps: [{id: s, action: {type: log}, timeout: 5}]}]', 'timeout'],
  ])('refuse what the loader refuses: %s', (text, message) => {
    expect(violations(yamlOf(text), rules).join()).toContain(message)
  })

  test.each([
    ['source: {hearbeat: 10s}', 'hearbeat is unknown'],
    ['sources: [{name: a, hearbeat: 10s}]', 'hearbeat is unknown'],
    ['sources: [{url: mysql://db}]', 'name is missing'],
    ['source: {heartbeat: 10}', 'heartbeat'],
    ['log: {level: warning}', 'level'],
    ['targets: {crm: {type: webhook, urll: x}}', 'urll is unknown'],
  ])('refuse what the configuration refuses: %s', (text, message) => {
    expect(violations(yamlOf(text), config).join()).toContain(message)
  })
})

describe('The documentation', () => {
  test('has each setting, and no other', () => {
    const documented = [...settingDocs().keys()].filter(
      (path) => path !== 'targets' && path !== 'sources' && path !== 'outbox',
    )
    expect(documented.toSorted()).toEqual([...SETTING_PATHS].toSorted())
  })

  test.each([...actionTypes().values()])('has each field of $type, and no other', ({ type, fields }) => {
    const section = readFileSync('docs/rules.md', 'utf8')
      .split(`\n### ${type}\n`)[1]!
      .split(/\n##? /)[0]!
    const own = section.split('\n### ')[0]!
    const head = /\n\| key \|[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)+)/.exec(own)?.[1] ?? ''
    const names = head
      .split('\n')
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
    expect(names.toSorted()).toEqual(Object.keys(fields).toSorted())
  })
})
