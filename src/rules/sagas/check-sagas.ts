import type { SagaDefinition, SagaRule, SagaStep } from '../../model/saga/definition.ts'
import { writeDuration } from '../../model/quantity.ts'
import { RULE_CODES } from '../codes.ts'
import type { Reporter } from '../reporter.ts'

/** What a definition can be compiled with, and will not do what its author wants. `keepsEvents` undefined: not known. */
export function checkSagas(
  sagas: readonly SagaDefinition[],
  keepsEvents: boolean | undefined,
  reporter: Reporter,
): void {
  for (const saga of sagas) {
    saga.stages.forEach((stage, at) => {
      const others = stage.length > 1 || at < saga.stages.length - 1
      for (const step of stage) {
        if (others) checkUndo(saga, step, reporter)
        checkTimes(saga, step, reporter)
      }
    })
    for (const rule of saga.rules) {
      checkReject(saga, rule, reporter)
      if (keepsEvents === false) checkEvents(saga, rule, reporter)
    }
  }
}

function checkUndo({ id }: SagaDefinition, step: SagaStep, reporter: Reporter): void {
  if (step.undo !== null) return
  reporter.warn(
    RULE_CODES.sagaUndo,
    step.location,
    `the step "${step.id}" has no "compensate": where another step fails, what it did stays, and the saga ends as failed`,
    'write compensate: {type: …}, or compensate: none where there is nothing to undo',
    id,
  )
}

function checkTimes({ id, deadlineMs }: SagaDefinition, step: SagaStep, reporter: Reporter): void {
  const { timeoutMs, confirms, location } = step
  if (deadlineMs === null && timeoutMs === null && confirms) {
    const message = `the step "${step.id}" waits without end for an event that may never come`
    reporter.warn(RULE_CODES.sagaWait, location, message, 'write timeout: 30s, or a deadline: for the saga', id)
  }
  if (deadlineMs === null || timeoutMs === null || timeoutMs <= deadlineMs) return
  const message = `the timeout ${writeDuration(timeoutMs)} of the step "${step.id}" is longer than the deadline of the saga`
  const hint = `write a timeout of less than ${writeDuration(deadlineMs)}, or a longer deadline`
  reporter.warn(RULE_CODES.sagaWait, location, message, hint, id)
}

function checkReject({ id, stages }: SagaDefinition, { trigger, location }: SagaRule, reporter: Reporter): void {
  if (trigger.tag !== 'reject') return
  const step = stages.flat().find((each) => each.id === trigger.step)
  if (step === undefined || step.confirms) return
  const message = `the step "${step.id}" is done when its action succeeds: a later "reject" changes nothing`
  reporter.warn(
    RULE_CODES.sagaWait,
    location,
    message,
    'write confirm: too, for the event that tells that it is done',
    id,
  )
}

/** Only rows come. */
function checkEvents({ id }: SagaDefinition, { trigger, location, rule }: SagaRule, reporter: Reporter): void {
  if (rule.on === null || rule.on.kinds.has('row')) return
  const what =
    trigger.tag === 'start' ? `the saga "${id}" never starts` : `no ${trigger.tag} of "${trigger.step}" ever comes`
  reporter.error(
    RULE_CODES.sagaWait,
    location,
    `${what}: nothing takes in events such as ${rule.on.patterns.join(', ')}`,
    'write `events: {}` into the configuration, or name a table: {table: shop.orders, events: [INSERT]}',
    id,
  )
}
