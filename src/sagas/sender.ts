import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { DeliveryFailure, Log, Sendable, Target, TargetConfig } from '../model/rule/action.ts'
import type { SagaDefinition } from '../model/saga/definition.ts'
import type { SagaInstance } from '../model/saga/instance.ts'
import { withDeadline } from '../model/with-deadline.ts'
import type { Value } from '../model/event/change.ts'
import type { CommandOutcome, OutgoingCommand } from './contract.ts'
import { renderCommand } from './render.ts'

/** More at once to one target would be no faster. */
const MOST_AT_ONCE = 64
/** A target answers by itself when its own timeout is over; this is for one that does not. */
const GRACE_MS = 5_000

export interface SenderDeps {
  readonly openTarget: (target: TargetConfig) => Promise<Target>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** A command that waits for its turn. */
export interface QueuedCommand {
  readonly command: OutgoingCommand
  /** The instance as it is now; null: the command is not wanted any more. */
  readonly find: () => Promise<{ readonly definition: SagaDefinition; readonly instance: SagaInstance } | null>
  readonly answer: (outcome: CommandOutcome) => void
}

/** Sends commands to one target, some at a time. */
class TargetSender {
  private readonly config: TargetConfig
  private readonly deps: SenderDeps
  private readonly queue: QueuedCommand[] = []
  private target: Promise<Target> | null = null
  private sending = 0
  private width = 1

  constructor(config: TargetConfig, deps: SenderDeps) {
    this.config = config
    this.deps = deps
  }

  add(queued: QueuedCommand): void {
    this.queue.push(queued)
    this.next()
  }

  private next(): void {
    while (this.sending < this.width && this.queue.length > 0) {
      this.sending += 1
      void this.deliver(this.queue.shift()!)
    }
  }

  private async deliver({ command, find, answer }: QueuedCommand): Promise<void> {
    let outcome: CommandOutcome
    try {
      const found = await find()
      outcome = found === null ? NOT_WANTED : await this.send(command, found.definition, found.instance)
    } catch (error) {
      outcome = notSent(error)
    }
    this.sending -= 1
    answer(outcome)
    this.next()
  }

  private async send(
    command: OutgoingCommand,
    definition: SagaDefinition,
    instance: SagaInstance,
  ): Promise<CommandOutcome> {
    let job: Sendable
    try {
      job = renderCommand(definition, instance, command)
    } catch (error) {
      const { code, message } = asBingoError(error)
      return { tag: 'refused', code, message }
    }
    const target = await this.opened()
    return this.sent(target, job)
  }

  private async sent(target: Target, job: Sendable): Promise<CommandOutcome> {
    const { signal, clock } = this.deps
    try {
      const deadlineMs = job.action.timeoutMs + GRACE_MS
      if (target.ask !== undefined) {
        const outcome = await withDeadline(target.ask(job, signal), deadlineMs, clock)
        return 'tag' in outcome ? { tag: 'done', value: outcome.value as Value } : outcomeOf(outcome)
      }
      const result = await withDeadline(target.send([job], signal), deadlineMs, clock)
      const failure = result?.[0] ?? null
      return failure === null ? { tag: 'done', value: null } : outcomeOf(failure)
    } catch (error) {
      const { code, message } = asBingoError(error)
      return { tag: 'failed', code, message, down: false }
    }
  }

  private async opened(): Promise<Target> {
    this.target ??= this.deps.openTarget(this.config)
    try {
      const target = await this.target
      this.width = Math.max(1, Math.min(MOST_AT_ONCE, target.maxConcurrency))
      this.next()
      return target
    } catch (error) {
      this.target = null
      throw error
    }
  }

  async close(): Promise<void> {
    await this.target?.then((target) => target.close()).catch(() => undefined)
  }
}

/** Sends the commands of all sagas. Each gets exactly one answer, unless the process ends before. */
export class Sender {
  private readonly deps: SenderDeps
  private readonly targets = new Map<string, TargetSender>()

  constructor(deps: SenderDeps) {
    this.deps = deps
  }

  add(config: TargetConfig, queued: QueuedCommand): void {
    let target = this.targets.get(config.id)
    if (target === undefined) this.targets.set(config.id, (target = new TargetSender(config, this.deps)))
    target.add(queued)
  }

  async close(): Promise<void> {
    await Promise.all([...this.targets.values()].map((target) => target.close()))
  }
}

const NOT_WANTED: CommandOutcome = {
  tag: 'failed',
  code: 'BINGO_SAGA_NOT_SENT',
  message: 'the step is over: the command was not sent',
  down: true,
  untouched: true,
}

function outcomeOf({ kind, error, retryAfterMs }: DeliveryFailure): CommandOutcome {
  const { code, message } = error
  if (kind === 'poison') return { tag: 'refused', code, message }
  return { tag: 'failed', code, message, down: kind === 'down', retryAfterMs }
}

function notSent(error: unknown): CommandOutcome {
  const { code, message } = asBingoError(error)
  return { tag: 'failed', code, message, down: true, untouched: true }
}

function asBingoError(error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'BINGO_TARGET_FAILED'
  return new BingoError(code.startsWith('BINGO_') ? code : 'BINGO_TARGET_FAILED', message)
}
