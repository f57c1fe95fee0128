import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { SagaInstance, SagaRef } from '../../../src/model/saga/instance.ts'
import type { SagaStore } from '../../../src/model/saga/store.ts'
import { openSagaStore } from '../../../src/state/open.ts'
import { Daemon } from '../../support/daemon.ts'
import { silentLog } from '../../support/jobs.ts'
import { Participants, type ParticipantsOptions } from '../../support/sagas/participants.ts'
import type { ScenarioContext } from '../scenario.ts'

export interface SagaRigOptions extends ParticipantsOptions {
  readonly rules: (services: Participants) => string
  /** Address of events and sagas; default: the state file of the daemon. */
  readonly store?: string | undefined
  /** Address of the event log, where that is another one. */
  readonly events?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly instances?: number
}

const POLL_MS = 50
const HEAL_TIMEOUT_MS = 300_000
const PAGE = 1_000

/** Daemons that run sagas, the services of these, and whoever posts events. Nothing runs yet. */
export class SagaRig implements AsyncDisposable {
  readonly daemons: readonly Daemon[]
  readonly services: Participants
  readonly store: SagaStore
  private readonly posting = new Set<Promise<void>>()
  private closed = false
  private nextDaemon = 0

  private constructor(daemons: readonly Daemon[], services: Participants, store: SagaStore) {
    this.daemons = daemons
    this.services = services
    this.store = store
  }

  static async prepare(context: ScenarioContext, options: SagaRigOptions): Promise<SagaRig> {
    const { rules, store, events = store, env = {}, instances = 1 } = options
    const services = await Participants.start(options)
    const daemons: Daemon[] = []
    for (let i = 0; i < instances; i++) {
      const daemon = await Daemon.prepare({
        rules: '',
        sourceUrl: '',
        env: {
          BINGO_EVENTS_ENVIRONMENTS: 'default',
          BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8',
          ...(store !== undefined && { BINGO_SAGAS_STORE: store }),
          ...(events !== undefined && { BINGO_EVENTS_STORE: events }),
          ...env,
        },
        failpoints: 'sagas',
      })
      await writeFile(daemon.rulesFile, rules(services))
      context.evidence.watch(daemon)
      daemons.push(daemon)
    }
    const settings = { name: 'bingo', deadLetters: undefined, log: silentLog }
    const checkpoint = `file:${join(daemons[0]!.folder, 'checkpoint')}`
    return new SagaRig(daemons, services, await openSagaStore({ ...settings, checkpoint }, store))
  }

  get isClosed(): boolean {
    return this.closed
  }

  get daemon(): Daemon {
    return this.daemons[0]!
  }

  /** Until it is answered, however often the daemons die meanwhile. */
  post(type: string, order: string, id = `${type}-${order}`): Promise<void> {
    const work = this.posted(type, order, id).finally(() => this.posting.delete(work))
    this.posting.add(work)
    return work
  }

  private async posted(type: string, order: string, id: string): Promise<void> {
    const body = JSON.stringify({ event: { id, type, payload: { order } } })
    const headers = { 'content-type': 'application/json' }
    while (!this.closed) {
      const { adminPort } = this.daemons[this.nextDaemon++ % this.daemons.length]!
      const url = `http://127.0.0.1:${adminPort}/api/v1/events`
      const signal = AbortSignal.timeout(5_000)
      const response = await fetch(url, { method: 'POST', body, headers, signal }).catch(() => null)
      if (response?.status === 200) return
      await delay(POLL_MS)
    }
  }

  /** Every event that was to be posted is answered. */
  async settled(): Promise<void> {
    while (this.posting.size > 0) await Promise.all(this.posting)
  }

  async instance(ref: SagaRef): Promise<SagaInstance | null> {
    return (await this.store.load([ref]))[0] ?? null
  }

  async instances(): Promise<readonly SagaInstance[]> {
    const all: SagaInstance[] = []
    for (let after: string | null = null; ;) {
      const { instances, next } = await this.store.list({}, { limit: PAGE, after })
      all.push(...instances)
      if (next === null) return all
      after = next
    }
  }

  /** That many instances have ended, or it took too long. `stuck`: whether those that are stuck are tried again, and waited for. */
  async ended(count: number, stuck: 'waits' | 'stays' = 'stays'): Promise<void> {
    const underWay = new Set(stuck === 'waits' ? ['running', 'compensating', 'stuck'] : ['running', 'compensating'])
    for (const deadline = Date.now() + HEAL_TIMEOUT_MS; Date.now() < deadline; await delay(POLL_MS)) {
      const counts = await this.store.counts()
      const open = counts.filter(({ status }) => underWay.has(status))
      const sum = counts.reduce((total, each) => total + each.count, 0)
      if (sum >= count && open.length === 0) return
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true
    for (const daemon of this.daemons) daemon.signal('SIGCONT')
    await this.settled()
    await this.store.close()
    for (const daemon of this.daemons) await daemon[Symbol.asyncDispose]()
    await this.services[Symbol.asyncDispose]()
  }
}
