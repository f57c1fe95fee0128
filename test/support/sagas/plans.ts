import type { SagaPlan, StepPlan } from '../../../src/model/saga/definition.ts'
import type { SagaEvent } from '../../../src/model/saga/instance.ts'
import { Random } from '../../simulation/random.ts'

export function stepPlan(id: string, given: Partial<StepPlan> = {}): StepPlan {
  return {
    id,
    confirms: false,
    timeoutMs: null,
    retry: { attempts: 3, minMs: 1_000, maxMs: 8_000 },
    undo: { retry: { attempts: 3, minMs: 1_000, maxMs: 60_000 } },
    when: null,
    ...given,
  }
}

export function sagaPlan(stages: readonly (readonly StepPlan[])[], given: Partial<SagaPlan> = {}): SagaPlan {
  return { id: 'order', version: 'v1', deadlineMs: null, stages, ...given }
}

export function sagaEvent(payload: SagaEvent['payload'] = { orderId: '17' }): SagaEvent {
  return {
    id: 'e1',
    type: 'orders.order.create',
    source: 'frontend',
    key: null,
    payload,
    context: {},
    metadata: {},
    userId: null,
    sessionId: null,
    accountId: null,
    environment: 'default',
    correlationId: null,
    causationId: null,
    traceparent: null,
    hops: 0,
    timestamp: 0,
    isTest: false,
  }
}

/** Any definition: up to four stages of up to three steps. */
export function randomPlan(random: Random): SagaPlan {
  let number = 0
  const step = (): StepPlan =>
    stepPlan(`s${(number += 1)}`, {
      confirms: random.chance(0.4),
      timeoutMs: random.chance(0.5) ? random.int(500, 20_000) : null,
      retry: { attempts: random.int(1, 4), minMs: 500, maxMs: 4_000 },
      undo: random.chance(0.85)
        ? { retry: { attempts: 3, minMs: 500, maxMs: 4_000 } }
        : random.pick([null, 'none'] as const),
      when: random.chance(0.15) ? () => false : null,
    })
  const stages = Array.from({ length: random.int(1, 4) }, () => Array.from({ length: random.int(1, 3) }, () => step()))
  // What waits for a confirmation that is lost ends by it.
  return sagaPlan(stages, { deadlineMs: random.int(5_000, 120_000) })
}
