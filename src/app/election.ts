import { patiently } from '../state/checkpoint/patiently.ts'
import type { Config } from './config/config.ts'
import type { Log } from '../model/rule/action.ts'
import type { Clock } from '../model/clock.ts'
import type { Lease, Permit } from '../model/state/lease.ts'
import type { Stats } from '../model/stats.ts'
import { LockLease } from '../sources/mysql/lease/lock-lease.ts'
import { Leadership } from './standby/leadership.ts'
import type { LoadedSources } from './open-sources.ts'
import { openLease } from '../state/open.ts'
import type { StateServers } from '../state/sql/servers.ts'
import { stateSettings } from './state-settings.ts'

export interface ElectionDeps {
  readonly log: Log
  readonly clock: Clock
  readonly stats: Stats
  readonly servers?: StateServers
}

/** This instance won the election. */
export class Elected {
  readonly permit: Permit
  /** Rejects when another instance has taken over. */
  readonly replaced: Promise<void>
  private readonly leadership: Leadership
  private readonly deps: ElectionDeps

  constructor(leadership: Leadership, replaced: Promise<void>, deps: ElectionDeps) {
    this.permit = leadership
    this.replaced = replaced
    this.leadership = leadership
    this.deps = deps
  }

  /** From now on no earlier leader can move a checkpoint: its epoch is lower. False when stopped meanwhile. */
  async claim({ sources, epoch }: LoadedSources, signal: AbortSignal): Promise<boolean> {
    this.leadership.confirmBy(async () => {
      const stored = await Promise.all(sources.map(({ place }) => place.load()))
      return stored.every((each) => (each?.epoch ?? 0) <= epoch)
    })
    for (const { place, stored } of sources) {
      if (stored === null) continue
      const claimed = { ...stored, epoch }
      if ((await patiently(place, this.deps, signal, () => place.save(claimed))) === 'stopped') return false
    }
    return true
  }
}

/**
 * Waits until this instance leads, then runs `work` for as long as it does; at once, with null, where there is no lease to
 * wait for. `lease`: instead of that of the configuration. Resolves when stopped while waiting; rejects with BINGO_LEASE_LOST when another instance has taken over.
 */
export async function runElected(
  config: Config,
  deps: ElectionDeps,
  signal: AbortSignal,
  work: (elected: Elected | null) => Promise<void>,
  lease?: () => Promise<Lease>,
): Promise<void> {
  const store = lease === undefined ? await leaseOf(config, deps) : await lease()
  if (store === null) return work(null)
  const leadership = new Leadership({ store, ttlMs: config.standby.ttlMs, ...deps, state: deps.stats.standby })
  const over = new AbortController()
  try {
    if (!(await leadership.win(signal))) return
    const replaced = leadership.keep(over.signal)
    replaced.catch(() => undefined)
    await work(new Elected(leadership, replaced, deps))
  } catch (error) {
    // A stream or checkpoint that was taken away is reported as what it is: another instance leads.
    throw (await leadership.replacedBy()) ?? error
  } finally {
    over.abort()
    await leadership.release()
  }
}

async function leaseOf(config: Config, { log, servers }: ElectionDeps): Promise<Lease | null> {
  const { name, standby, source } = config
  switch (standby.lease) {
    case 'off':
      return null
    case 'mysql':
      return new LockLease(source, name, standby.ttlMs)
    case 'store':
      return openLease(stateSettings(config, log, servers), standby.ttlMs)
  }
}
