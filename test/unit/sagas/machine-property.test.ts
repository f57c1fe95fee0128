import { describe, expect, it } from 'vitest'
import type { StepPlan } from '../../../src/model/saga/definition.ts'
import { hasEnded, type SagaInstance } from '../../../src/model/saga/instance.ts'
import { Random } from '../../simulation/random.ts'
import { randomPlan } from '../../support/sagas/plans.ts'
import { SagaWorld, type Chaos, type Participant } from '../../support/sagas/world.ts'
import { fc } from '../../support/properties.ts'

const RUNS = 3_000
const CHAOS: Chaos = { lost: 0.15, failed: 0.2, refused: 0.1, crash: 0.03, jump: 0.02, early: 0.1 }

function check(seed: number, chaos: Chaos): SagaWorld {
  const random = new Random(seed)
  const world = new SagaWorld(randomPlan(random), random, chaos)
  world.start()
  for (let turn = random.int(0, 120); turn > 0; turn--) world.turn()
  world.start()
  world.heal()
  return world
}

function faultOf(
  { id, undo }: StepPlan,
  { status, steps }: SagaInstance,
  { done, undone, ids }: Participant,
): string | null {
  const state = steps[id]!.status
  if ([...ids].some((sent) => sent !== `order/17/${id}/do` && sent !== `order/17/${id}/undo`)) return `${id}: other ids`
  if (status === 'completed') {
    const isRight = state === 'skipped' ? !done : done && !undone
    return isRight ? null : `${id} is ${state} in a completed saga`
  }
  if (status === 'compensated' && state === 'kept') return `${id} is kept in a compensated saga`
  if (!done || undone || undo === 'none' || (undo === null && state === 'kept')) return null
  return `${id} was done and is ${state}`
}

describe('a saga whatever fails, gets lost, comes twice, comes late or dies', () => {
  it('ends, and leaves no step done without its undo', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { stored, plan, services } = check(seed, CHAOS)
        expect(hasEnded(stored!)).toBe(true)
        const wrong = plan.stages.flat().flatMap((step) => faultOf(step, stored!, services.get(step.id)!) ?? [])
        expect(wrong).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })

  it('completes when nothing goes wrong', () => {
    const calm: Chaos = { lost: 0, failed: 0, refused: 0, crash: 0, jump: 0, early: 0 }
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = new Random(seed)
        const world = new SagaWorld(randomPlan(random), random, calm)
        world.start()
        world.heal()
        expect(world.stored!.status).toBe('completed')
      }),
    )
  })
})
