import type { SagaRef } from '../../../src/model/saga/instance.ts'
import type { Behaviour, Participants, ParticipantsOptions } from '../../support/sagas/participants.ts'
import type { Outcome } from '../scenario.ts'
import { SagaText } from './definitions.ts'
import type { SagaRig } from './saga-rig.ts'
import { STORIES } from './stories.ts'
import { Telling, type Story } from './story.ts'
import { wrongs } from './verdict.ts'

/** Tells the stories over and over, and judges how they ended. */
export class Cast {
  private readonly stories = new Map<string, Story>(STORIES.map((story) => [story.id, story]))
  private readonly started: SagaRef[] = []
  private readonly flags = new Set<string>()
  private readonly calls = new Map<string, number>()
  private readonly going: Promise<void>[] = []
  private rig: SagaRig | null = null

  /** What the services of a rig need. */
  readonly options: ParticipantsOptions = {
    behave: (step, op, saga) => this.behave(step, op, saga),
    done: (step, saga) => {
      const [id, key] = saga.split('/') as [string, string]
      if (step === 'reserve' && this.stories.get(id)?.confirms === true) {
        void this.rig!.post(`fault.${id}.reserved`, key)
      }
    },
  }

  rules(services: Participants): string {
    const text = new SagaText(services.port)
    return `sagas:\n${STORIES.map(({ yaml }) => yaml(text)).join('')}`
  }

  /** Each story once, under a key of its own. */
  tell(rig: SagaRig, key: string): void {
    this.rig = rig
    for (const { id, goOn } of STORIES) {
      const telling = new Telling(rig, { saga: id, key }, this.flags)
      this.started.push(telling.ref)
      this.going.push(telling.post('start').then(() => goOn?.(telling)))
    }
  }

  /** When a daemon is up, and nothing is broken any more. */
  async judged(rig: SagaRig, fault: string, runs: number, found: readonly string[]): Promise<Outcome> {
    const healedFrom = performance.now()
    await rig.settled()
    // What is stuck is repaired by its story, and may not have been tried again yet.
    await rig.ended(this.started.length, 'waits')
    const secondsToHeal = (performance.now() - healedFrom) / 1_000
    const instances = await rig.store.load(this.started)
    const problems = [...found]
    let lost = 0
    for (const [i, instance] of instances.entries()) {
      const { saga, key } = this.started[i]!
      if (instance === null) lost += 1
      else if (instance.status === this.stories.get(saga)!.ends) problems.push(...wrongs(rig.services, instance))
      else problems.push(`${saga} ${key} is ${instance.status}: ${JSON.stringify(instance)}`)
    }
    if (problems.length === 0) await Promise.all(this.going)
    const changes = this.started.length
    return { fault, runs, changes, lost, reordered: 0, phantom: 0, duplicates: 0, secondsToHeal, problems }
  }

  private behave(step: string, op: string, saga: string): Behaviour {
    const name = `${saga} ${step} ${op}`
    const call = (this.calls.get(name) ?? 0) + 1
    this.calls.set(name, call)
    const story = this.stories.get(saga.slice(0, saga.indexOf('/')))
    return story?.behave?.(step, op, call, this.flags.has(saga)) ?? 'answer'
  }
}
