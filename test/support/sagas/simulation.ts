import type { Clock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { Outcome, Sendable, Target } from '../../../src/model/rule/action.ts'
import { SagaCounters } from '../../../src/model/saga/counters.ts'
import type { SagaDefinition } from '../../../src/model/saga/definition.ts'
import { hasEnded, type SagaInstance } from '../../../src/model/saga/instance.ts'
import type { SagaSignal } from '../../../src/model/saga/sink.ts'
import type { SagaStore } from '../../../src/model/saga/store.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import { SagaDefinitions } from '../../../src/sagas/definitions.ts'
import { SagaRunner } from '../../../src/sagas/runner.ts'
import { MemorySagaStore } from '../../../src/state/sagas/memory-store.ts'
import type { Random } from '../../simulation/random.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'
import { commandsTo } from './commands.ts'
import { sagaEvent } from './plans.ts'

/** What services have stored, by `SAGA/KEY/STEP`. */
interface Stored {
  done: boolean
  undone: boolean
}

interface Process {
  readonly life: Life
  readonly runner: SagaRunner
}

/** Chances. */
export interface Faults {
  /** Of a call: half of them have had their effect. */
  readonly call: number
  /** Of a write of the journal: half of them are stored nevertheless. */
  readonly write: number
  /** Of a write, that the process dies right before or right after it. */
  readonly death: number
}

/**
 * The runner as it is, on simulated time: many sagas, services with the barrier, a journal whose writes fail, processes that
 * die at a write or are stopped for a while (and then replaced), and a wall clock that jumps.
 */
export class SagaSimulation {
  readonly clock = new SimClock()
  readonly services = new Map<string, Stored>()
  readonly store = new MemorySagaStore()
  readonly problems: string[] = []
  faults: Faults
  deaths = 0
  /** Commands that were sent, by id. */
  readonly sends = new Map<string, number>()
  private readonly definition: SagaDefinition
  private readonly random: Random
  private process: Process | null = null
  private readonly outside = this.clock.of(new Life())

  constructor(definition: SagaDefinition, random: Random, faults: Faults) {
    this.definition = definition
    this.random = random
    this.faults = faults
    this.begin()
  }

  /** A source that brings each event until it is taken, and some twice. */
  bring(signal: SagaSignal): void {
    const again = (): void => void this.outside.after(this.random.int(1, 500), () => this.bring(signal))
    const { process } = this
    if (process === null) return again()
    let isTaken = false
    process.runner.take([signal]).then(
      () => {
        isTaken = true
        if (this.random.chance(0.1)) again()
      },
      () => undefined,
    )
    // What a process that died had taken in comes again.
    this.outside.after(20_000, () => (isTaken ? undefined : this.bring(signal)))
  }

  start(key: string): void {
    const event = sagaEvent({ orderId: key })
    const { id, version } = this.definition
    this.bring({ saga: id, version, key, trigger: { tag: 'start' }, event })
  }

  /** The process stands still; another one takes over; then it goes on, and finds that out. */
  pause(ms: number): void {
    const { process } = this
    if (process === null) return
    process.life.frozen = true
    this.process = null
    this.begin()
    this.outside.after(ms, () => (process.life.frozen = false))
  }

  die(): void {
    if (this.process === null) return
    this.deaths += 1
    this.process.life.alive = false
    this.process = null
    this.outside.after(this.random.int(1, 3_000), () => this.begin())
  }

  /** Lets time pass until all of `keys` have ended. */
  async ended(keys: readonly string[], limitMs: number): Promise<readonly SagaInstance[]> {
    let found: readonly (SagaInstance | null)[] = []
    await this.clock.run(() => {
      void this.store.load(keys.map((key) => ({ saga: this.definition.id, key }))).then((loaded) => (found = loaded))
      return found.length > 0 && found.every((each) => each !== null && hasEnded(each))
    }, limitMs)
    return found.flatMap((each) => each ?? [])
  }

  private begin(): void {
    if (this.process !== null) return
    const life = new Life()
    const clock = this.clock.of(life)
    const runner = new SagaRunner({
      store: this.faulty(life),
      definitions: new SagaDefinitions([this.definition]),
      keepMs: 1e12,
      counters: new SagaCounters(),
      clock,
      log: silentLog,
      commands: commandsTo(async () => this.target(clock), clock),
    })
    const process = { life, runner }
    this.process = process
    const replaced = (error: unknown): void => {
      const isFenced = error instanceof BingoError && error.code === 'BINGO_SAGA_FENCED'
      if (!isFenced) this.problems.push(String(error))
      life.alive = false
      if (this.process === process) this.die()
    }
    runner.start(replaced).catch(() => {
      if (this.process === process) this.die()
    })
  }

  /** A died process hears nothing of its writes, and one that stands still hears of them later. */
  private faulty(life: Life): SagaStore {
    const { store } = this
    const never = new Promise<never>(() => undefined)
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target)
        if (typeof method !== 'function') return method
        return async (...given: unknown[]) => {
          if (!life.alive) return never
          if (name !== 'save') return method.apply(target, given) as unknown
          if (this.random.chance(this.faults.death)) this.dieAs(life)
          const isStored = !this.random.chance(this.faults.write / 2)
          const result = isStored && life.alive ? await (method.apply(target, given) as Promise<unknown>) : null
          if (this.random.chance(this.faults.death)) this.dieAs(life)
          if (!life.alive) return never
          if (!isStored || this.random.chance(this.faults.write / 2)) throw unavailable()
          return result
        }
      },
    })
  }

  private dieAs(life: Life): void {
    if (this.process?.life === life) this.die()
    else life.alive = false
  }

  private target(clock: Clock): Target {
    const ask = async ({ id }: Sendable): Promise<Outcome> => {
      this.sends.set(id, (this.sends.get(id) ?? 0) + 1)
      await clock.sleep(this.random.int(1, 800))
      const isFailed = this.random.chance(this.faults.call)
      if (!isFailed || this.random.chance(0.5)) {
        if (!this.take(id)) return { kind: 'poison', error: new BingoError('BINGO_HTTP_STATUS', '422') }
      }
      if (isFailed) return { kind: this.random.pick(['unknown', 'down'] as const), error: unavailable() }
      return { tag: 'done', value: { id } }
    }
    return {
      gather: 'lane',
      maxBatch: 1,
      maxConcurrency: 8,
      ask,
      send: () => Promise.reject(new Error('it has ask')),
      close: () => Promise.resolve(),
    }
  }

  /** False: the service refuses. */
  private take(id: string): boolean {
    const [, of, op] = /^(.*)\/(do|undo)$/.exec(id)!
    let stored = this.services.get(of!)
    if (stored === undefined) this.services.set(of!, (stored = { done: false, undone: false }))
    if (op === 'undo') {
      stored.undone = true
      return true
    }
    if (!stored.done && this.random.chance(this.faults.call / 4)) return false
    if (stored.done || stored.undone) return true
    stored.done = true
    const [saga, key, step] = of!.split('/') as [string, string, string]
    const confirms = this.definition.stages.flat().find((each) => each.id === step)!.confirms
    // Now and then the event gets lost for good.
    if (!confirms || this.random.chance(this.faults.call / 10)) return true
    const signal = {
      saga,
      version: this.definition.version,
      key,
      trigger: { tag: 'confirm', step },
      event: sagaEvent({ step }),
    } as const
    this.outside.after(this.random.int(1, 5_000), () => this.bring(signal))
    return true
  }
}

function unavailable(): BingoError {
  return new BingoError('BINGO_SIMULATED', 'not now', { retryable: true })
}
