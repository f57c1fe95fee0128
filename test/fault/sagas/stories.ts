import { setTimeout as delay } from 'node:timers/promises'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import type { SagaText } from './definitions.ts'
import type { Story } from './story.ts'

const CONFIRMED = (id: string, more = ''): string => `, confirm: {on: fault.${id}.reserved}${more}`
/** What was posted has been read by then, on most machines. */
const READ_MS = 200
/** What had not reached any service that is down may be undone as soon as that begins. */
const isBack = ({ status }: SagaInstance): boolean => status !== 'running'

function fourSteps(id: string, text: SagaText): string {
  const stages = [
    text.step('reserve', CONFIRMED(id)),
    text.parallel(text.step('charge'), text.step('invoice')),
    text.step('ship'),
  ]
  return text.saga(id, stages)
}

export const STORIES: readonly Story[] = [
  {
    id: 'plain',
    doc: 'nothing goes wrong',
    ends: 'completed',
    confirms: true,
    yaml: (text) => fourSteps('plain', text),
  },
  {
    id: 'refused',
    doc: 'the last command is refused',
    ends: 'compensated',
    confirms: true,
    yaml: (text) => fourSteps('refused', text),
    behave: (step, op) => (step === 'ship' && op === 'do' ? 'refuse' : 'answer'),
  },
  {
    id: 'unanswered',
    doc: 'the answer to the first attempt of every command is lost, and the last one is refused',
    ends: 'compensated',
    confirms: true,
    yaml: (text) => fourSteps('unanswered', text),
    behave: (step, op, call) => (step === 'ship' && op === 'do' ? 'refuse' : call === 1 ? 'drop' : 'answer'),
  },
  {
    id: 'twice',
    doc: 'the start comes twice under two ids, the confirmation three times',
    ends: 'completed',
    confirms: true,
    yaml: (text) => fourSteps('twice', text),
    async goOn(telling) {
      await telling.post('start', '-again')
      await telling.until(({ steps }) => steps['reserve']!.status === 'done')
      await telling.post('reserved', '-again')
      await telling.post('reserved', '-and-again')
    },
  },
  {
    id: 'early',
    doc: 'the confirmation comes before its step',
    ends: 'completed',
    yaml: (text) => text.saga('early', [text.step('open'), text.step('reserve', CONFIRMED('early'))]),
    behave: (step, _op, _call, allowed) => (step === 'open' && !allowed ? 'unavailable' : 'answer'),
    async goOn(telling) {
      await telling.until(({ steps }) => steps['open']!.attempts > 0)
      await telling.post('reserved')
      await telling.until(({ steps }) => steps['reserve']!.early === 'confirmed')
      telling.allow()
    },
  },
  {
    id: 'late',
    doc: 'the confirmation comes after the timeout, when the step is undone',
    ends: 'compensated',
    yaml: (text) => text.saga('late', [text.step('open'), text.step('reserve', CONFIRMED('late', ', timeout: 300ms'))]),
    async goOn(telling) {
      await telling.until(({ status }) => status === 'compensated')
      await telling.post('reserved')
    },
  },
  {
    id: 'overtaken',
    doc: 'the confirmation comes while the saga is being undone',
    ends: 'compensated',
    yaml: (text) =>
      text.saga('overtaken', [text.parallel(text.step('reserve', CONFIRMED('overtaken')), text.step('charge'))]),
    behave: (step, op, _call, allowed) =>
      step === 'charge' && op === 'do' ? 'refuse' : op === 'undo' && !allowed ? 'unavailable' : 'answer',
    async goOn(telling) {
      await telling.until(({ steps }) => steps['reserve']!.undoAttempts > 0)
      await telling.post('reserved')
      await delay(READ_MS)
      telling.allow()
    },
  },
  {
    id: 'stuck',
    doc: 'an undo fails until the saga is stuck; then it is repaired',
    ends: 'compensated',
    yaml: (text) => text.saga('stuck', [text.step('open', '', { undoAttempts: 2 }), text.step('ship')]),
    behave: (step, op, _call, allowed) =>
      step === 'open' ? (op === 'undo' && !allowed ? 'unavailable' : 'answer') : op === 'do' ? 'refuse' : 'answer',
    async goOn(telling) {
      await telling.until(({ status }) => status === 'stuck')
      telling.allow()
    },
  },
  {
    id: 'down',
    doc: 'a target is down until after the deadline',
    ends: 'compensated',
    yaml: (text) => text.saga('down', [text.step('open'), text.step('reserve')], '    deadline: 500ms\n'),
    behave: (step, _op, _call, allowed) => (step === 'reserve' && !allowed ? 'unavailable' : 'answer'),
    async goOn(telling) {
      await telling.until(isBack)
      telling.allow()
    },
  },
]
