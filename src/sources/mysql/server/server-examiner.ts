import type { Log } from '../../../model/rule/action.ts'
import type { StartPoint } from '../../../model/source/position.ts'
import type { SourceAddress } from '../source-address.ts'
import { printStartPoint } from '../start-point.ts'
import type { ControlConnection } from './login/control-connection.ts'
import { preflight, type PreflightInput, refuse } from './preflight/preflight.ts'
import { type KnownPosition, type ResumePoint, resumeFrom, startAt } from '../resume-point.ts'
import { readServerFacts, type ServerFacts } from './server-facts.ts'

/** A server that can go on from our position. */
export interface Found {
  readonly facts: ServerFacts
  readonly resume: ResumePoint
}

/** What every server is examined for. */
type Examined = Pick<PreflightInput, 'serverId' | 'oneOfSeveral' | 'wants' | 'outboxes'>

/** Asks a server whether it can be read, and from where. */
export class ServerExaminer {
  readonly #control: ControlConnection
  readonly #log: Log
  readonly #of: Examined
  /** Servers that preflight found fit. */
  readonly #inspected = new Set<string>()
  /** A server answered that our position was not read from. */
  metOther = false

  constructor(control: ControlConnection, of: Examined, log: Log) {
    this.#control = control
    this.#of = of
    this.#log = log
  }

  /** `known`: the place to go on from; null: begin at `start`. Rejects with what is in the way. */
  async examine(address: SourceAddress, known: KnownPosition | null, start: StartPoint): Promise<Found> {
    this.#control.moveTo(address)
    const facts = await readServerFacts(this.#control)
    if (known !== null && known.identity !== '' && facts.identity !== known.identity) this.metOther = true
    await this.#inspect(facts, known === null ? start : null)
    if (known !== null) return { facts, resume: await resumeFrom(known, this.#control, facts) }
    this.#log.info({ start: printStartPoint(start) }, 'no position yet, first start')
    return { facts, resume: await startAt(start, this.#control, facts) }
  }

  /** Preflight belongs to a server: it runs when one answers for the first time. */
  async #inspect(facts: ServerFacts, start: StartPoint | null): Promise<void> {
    if (this.#inspected.has(facts.identity)) return
    const findings = await preflight({ ...this.#of, control: this.#control, facts, start })
    for (const { severity, code, message, sql } of findings) {
      if (severity === 'warning') this.#log.warn({ code, sql }, message)
    }
    refuse(findings)
    this.#inspected.add(facts.identity)
  }
}
