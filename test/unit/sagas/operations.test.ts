import { expect, test } from 'vitest'
import { StoreOperations } from '../../../src/sagas/operations.ts'
import { MemorySagaStore } from '../../../src/state/sagas/memory-store.ts'
import { sagaEvent } from '../../support/sagas/plans.ts'
import { sagaRules } from '../../support/sagas/rules.ts'

const HOOK = '{type: webhook, url: "http://127.0.0.1/"}'
const DEFINITION = sagaRules(
  `sagas: [{id: order, on: a.b, key: "{{key}}", steps: [{id: s, action: ${HOOK}, compensate: ${HOOK}}]}]`,
).ruleSet.sagas![0]!
const REF = { saga: 'order', key: '17' }
const START = { ...REF, version: DEFINITION.version, trigger: { tag: 'start' }, event: sagaEvent() } as const

function operations(store = new MemorySagaStore()) {
  const definitionOf = ({ version }: { version: string }) => (version === DEFINITION.version ? DEFINITION : undefined)
  return { store, on: new StoreOperations(store, definitionOf, () => 1_000) }
}

test('an event that is taken beside the daemon is stored, due at once, and sends nothing itself', async () => {
  const { store, on } = operations()
  await on.take([START, START])
  const instance = (await on.show(REF))!
  expect(instance).toMatchObject({ status: 'running', dueAt: 1_000, revision: 1 })
  expect(instance.steps['s']).toMatchObject({ status: 'sending', attempts: 0, sentAt: null })
  expect(await store.definitions()).toEqual([DEFINITION.source])
})

test('operators are told what cannot be done', async () => {
  const { on } = operations()
  expect(await on.act(REF, { tag: 'retry' })).toEqual({ tag: 'unknown' })
  await on.take([START])
  expect(await on.act(REF, { tag: 'skip', step: 'x' })).toEqual({
    tag: 'refused',
    why: 'the definition has no such step',
  })
  expect(await on.act(REF, { tag: 'compensate' })).toMatchObject({ tag: 'done', instance: { status: 'compensated' } })
  expect(await on.act(REF, { tag: 'retry' })).toEqual({ tag: 'refused', why: 'the instance is compensated' })
  const { on: other } = {
    on: new StoreOperations(
      operations().store,
      () => undefined,
      () => 1,
    ),
  }
  await other.take([START])
  expect(await other.show(REF)).toBeNull()
})
