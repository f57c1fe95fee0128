import { expect, test } from 'vitest'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { actionTypes } from '../../../src/targets/registry.ts'

const NATS = 'nats://broker:4222'

function idsOf(rules: readonly string[], env: Record<string, string> = {}): Record<string, string> {
  const texts = rules.map((rule, i) => ({ path: `/r/${i}.yaml`, name: `${i}.yaml`, text: `rules: [${rule}]` }))
  const { ruleSet } = loadRulesFromText(texts, {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: undefined, allowCidrs: [] },
    actionTypes: actionTypes(),
    env,
  })
  return Object.fromEntries(
    ruleSet.rules.flatMap(({ id, actions }) => actions.map(({ target, index }) => [`${id}.${index}`, target.id])),
  )
}

const rule = (id: string, ...tokens: string[]): string =>
  `{id: ${id}, table: users, actions: [${tokens
    .map((token, i) => `{type: nats, url: "${NATS}", token: "${token}", subject: s${i}}`)
    .join(', ')}]}`

test('actions of one address with the same options share a target under its plain name', () => {
  expect(idsOf([rule('a', 'one'), rule('b', 'one')])).toEqual({ 'a.0': 'nats broker:4222', 'b.0': 'nats broker:4222' })
})

test('actions of one address with different secrets have targets of their own, in whatever order files are read', () => {
  const ids = { 'a.0': 'nats broker:4222 (a)', 'b.0': 'nats broker:4222 (b)', 'c.0': 'nats broker:4222 (a)' }
  const rules = [rule('a', 'one'), rule('b', 'two'), rule('c', 'one')]
  expect(idsOf(rules)).toEqual(ids)
  expect(idsOf(rules.toReversed())).toEqual(ids)
  expect(idsOf(rules)).toEqual(ids)
})

test('a new password leaves the names as they are', () => {
  const rules = [rule('a', '${env:A}'), rule('b', '${env:B}')]
  expect(idsOf(rules, { A: 'one', B: 'two' })).toEqual(idsOf(rules, { A: 'three', B: 'four' }))
  const alone = [rule('a', '${env:A}')]
  expect(idsOf(alone, { A: 'one' })).toEqual(idsOf(alone, { A: 'two' }))
})

test('two sets of options in one rule are distinguished by their actions', () => {
  const both = rule('a', 'one', 'two')
  const ids = Object.values(idsOf([both]))
  expect(new Set(ids).size).toBe(2)
  expect(ids.every((id) => /^nats broker:4222 \(a#\w+\)$/.test(id))).toBe(true)
  expect(idsOf([both])).toEqual(idsOf([both]))
})

test('no name is made of a secret', () => {
  for (const id of Object.values(idsOf([rule('a', 'hunter2', 'swordfish')])))
    expect(id).not.toMatch(/hunter2|swordfish/)
})
