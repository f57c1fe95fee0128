/** Loaded with `--import` into a daemon under test that runs sagas; see ./changes.ts. */
import { subscribe } from 'node:diagnostics_channel'
import { DatabaseSync } from 'node:sqlite'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import type { SagaStore } from '../../../src/model/saga/store.ts'
import { SagaRunner } from '../../../src/sagas/runner.ts'
import { SqlSagaStore } from '../../../src/state/sagas/sql/store.ts'
import { SqliteSagaStore } from '../../../src/state/sagas/sqlite-store.ts'
import { WebhookTarget } from '../../../src/targets/webhook/target.ts'
import { die, dieIfDue, isDue, whenAnswered, wrap } from './die.ts'

/** A transaction that is under way dies before its COMMIT. */
let diesAtCommit = false
wrap(DatabaseSync.prototype, 'exec', {
  before: (_database, [sql]) => {
    if (diesAtCommit && sql === 'COMMIT') die()
  },
})

/** The request is in the socket: it arrives, whatever becomes of its sender. */
let diesWhenSent = false
subscribe('undici:request:bodySent', () => {
  if (diesWhenSent) setImmediate(die)
})

wrap(SagaRunner.prototype, 'take', {
  before: (_runner, [signals]) => {
    for (const { trigger } of signals) {
      if (trigger.tag === 'start') dieIfDue('saga-start-read')
      if (trigger.tag === 'confirm') dieIfDue('saga-confirmation-read')
    }
  },
  after: async (answer, _runner, [signals]) => {
    await answer
    if (signals.some(({ trigger }) => trigger.tag === 'confirm')) dieIfDue('saga-confirmation-stored')
  },
})

wrap(WebhookTarget.prototype, 'ask', {
  before: (_target, [{ id }]) => {
    dieIfDue(`${kindOf(id)}-sending`)
    if (isDue(`${kindOf(id)}-sent`)) diesWhenSent = true
  },
  after: (answer, _target, [{ id }]) => whenAnswered<Awaited<typeof answer>>(`${kindOf(id)}-answered`)(answer),
})

/** Instances that a timer is about to change. */
const ticking = new Set<string>()
const stores: readonly SagaStore[] = [SqliteSagaStore.prototype, SqlSagaStore.prototype]
for (const store of stores) {
  wrap(store, 'due', {
    after: async (answer) => {
      const due = await answer
      if (due.length > 0) dieIfDue('saga-timer-due')
      for (const instance of due) ticking.add(nameOf(instance))
      return due
    },
  })
  wrap(store, 'save', {
    before: (_store, [transitions]) => {
      const starts = transitions.some(({ from }) => from === 0)
      if (!isDue(starts ? 'saga-start-writing' : 'saga-transition-writing')) return
      diesAtCommit = true
      if (store !== SqliteSagaStore.prototype) setImmediate(die)
    },
    after: async (answer, _store, [transitions]) => {
      const saved = await answer
      dieIfDue(transitions.some(({ from }) => from === 0) ? 'saga-start-stored' : 'saga-transition-stored')
      if (transitions.some(({ instance }) => hasUndone(instance))) dieIfDue('saga-undo-stored')
      if (transitions.some(({ instance }) => ticking.has(nameOf(instance)))) dieIfDue('saga-timer-fired')
      for (const { instance } of transitions) ticking.delete(nameOf(instance))
      return saved
    },
  })
}

function kindOf(id: string): string {
  return id.endsWith('/undo') ? 'saga-undo' : 'saga-command'
}

function nameOf({ saga, key }: SagaInstance): string {
  return `${saga}/${key}`
}

function hasUndone({ steps }: SagaInstance): boolean {
  return Object.values(steps).some(({ status }) => status === 'undone')
}
