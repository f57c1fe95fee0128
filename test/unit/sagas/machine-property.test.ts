import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasEnded } from '../../../src/model/saga/instance.ts'
import { Random } from '../../simulation/random.ts'
import { randomPlan } from '../../support/sagas/plans.ts'
import { SagaWorld, type Chaos } from '../../support/sagas/world.ts'

const RUNS = 3_000
const CHAOS: Chaos = { lost: 0.15, failed: 0.2, refused: 0.1, crash: 0.03, jump: 0.02 }

function check(seed: number, chaos: Chaos): SagaWorld {
  const random = new Random(seed)
  const world = new SagaWorld(randomPlan(random), random, chaos)
  world.start()
  for (let turn = random.int(0, 120); turn > 0; turn--) world.turn()
  world.start()
  world.heal()
  return world
}

describe('a saga whatever fails, gets lost, comes twice, comes late or dies', () => {
  it('ends, and leaves no step done without its undo', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { stored, plan, services } = check(seed, CHAOS)
        expect(hasEnded(stored!)).toBe(true)
        for (const { id, undo } of plan.stages.flat()) {
          const { done, undone, ids } = services.get(id)!
          const state = stored!.steps[id]!
          for (const sent of ids) expect(sent).toMatch(new RegExp(`^order/17/${id}/(do|undo)$`))
          if (stored!.status === 'completed') expect(state.status === 'skipped' ? !done : done && !undone).toBe(true)
          else if (done && !undone) expect(undo === null ? state.status : undo).toBe(undo === null ? 'kept' : 'none')
          if (stored!.status === 'compensated') expect(state.status).not.toBe('kept')
        }
      }),
      { numRuns: RUNS },
    )
  })

  it('completes when nothing goes wrong', () => {
    const calm: Chaos = { lost: 0, failed: 0, refused: 0, crash: 0, jump: 0 }
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
