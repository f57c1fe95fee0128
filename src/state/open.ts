import { parseSqlAddress } from '../clients/sql/address.ts'
import { openRedis } from '../clients/redis/redis.ts'
import type { Log } from '../model/rule/action.ts'
import type { CheckpointStore } from '../model/state/checkpoint.ts'
import { systemClock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/delivery/dead-letter.ts'
import type { WaitingStore } from '../model/delivery/waiting.ts'
import { BingoError } from '../model/errors.ts'
import type { SagaStore } from '../model/saga/store.ts'
import type { Lease } from '../model/state/lease.ts'
import type { StateStore } from '../model/state/state.ts'
import { RedisCheckpointStore } from './checkpoint/redis-store.ts'
import { StateCheckpoints } from './checkpoint/state-checkpoints.ts'
import type { DeadLetterLimits } from './dead-letters/letter.ts'
import { MemoryDeadLetterStore } from './dead-letters/memory-store.ts'
import { RedisDeadLetterStore } from './dead-letters/redis-store.ts'
import { newHolder } from './lease/holder.ts'
import { MemoryLease } from './lease/memory-lease.ts'
import { leaseKey, RedisLease } from './lease/redis-lease.ts'
import { MemorySagaStore } from './sagas/memory-store.ts'
import { RedisSagaStore } from './sagas/redis-store.ts'
import { MemoryStateStore } from './memory/state-store.ts'
import { RedisStateStore } from './redis/state-store.ts'
import { StateServers } from './sql/servers.ts'
import type { InstancePlace } from './sql/instance-place.ts'
import { parseStoreUrl, stateFilePath, type SqlStoreUrl } from './store-url.ts'
import { MemoryWaitingStore } from './waiting/memory-store.ts'
import { RedisWaitingStore } from './waiting/redis/store.ts'

/** Where one instance keeps what it remembers, as configured. */
export interface StateSettings {
  /** Instance name. */
  readonly name: string
  /** `checkpoint.store`. */
  readonly checkpoint: string
  /** `deadLetters.store`; undefined: with the checkpoint. */
  readonly deadLetters: string | undefined
  readonly log: Log
  /** Connections to database servers that stores of one process share; absent: each store has its own. */
  readonly servers?: StateServers | undefined
}

export interface OpenCheckpointOptions {
  /** Only look: nothing is claimed, so it works beside a running daemon. Saving is then the caller's mistake. */
  readonly readOnly?: boolean
  /** A save replaces what is on the path and is not a checkpoint of this instance (`bingo position set`). */
  readonly replace?: boolean
}

// node:sqlite is loaded where a file is named: Node 22 announces it as experimental on stderr.

/** Opens what `openInstanceState` opens, for who wants the checkpoint alone. */
export async function openCheckpointStore(
  settings: StateSettings,
  options?: OpenCheckpointOptions,
): Promise<CheckpointStore> {
  return (await openInstanceState(settings, options)).checkpoints
}

/** Where an instance keeps the positions of several sources, each a value of its own. Closing one closes the other. */
export interface InstanceState {
  /** The position of the main source. */
  readonly checkpoints: CheckpointStore
  readonly state: StateStore
}

/**
 * Opens the place that `checkpoint.store` names. Nothing is read yet. Rejects with BINGO_CHECKPOINT_STORE_INVALID or
 * BINGO_REDIS_URL_INVALID.
 */
export async function openInstanceState(
  settings: StateSettings,
  { readOnly = false, replace = false }: OpenCheckpointOptions = {},
): Promise<InstanceState> {
  const { name, log } = settings
  const place = parseStoreUrl(settings.checkpoint)
  switch (place?.tag) {
    case 'memory':
      return keptIn(new MemoryStateStore(), name)
    case 'redis': {
      const redis = openRedis(place.url, { log, name: `${name}:checkpoint` })
      return { state: new RedisStateStore(redis, name), checkpoints: new RedisCheckpointStore(redis, name) }
    }
    case 'sql': {
      const { SqlStateStore } = await import('./sql/state-store.ts')
      return keptIn(new SqlStateStore(sqlPlace(settings, place)), name)
    }
    case 'file': {
      const path = stateFilePath(place, name)
      if (readOnly) return keptIn(new (await import('./checkpoint/peek-state.ts')).PeekState(path), name)
      const { SqliteStateStore } = await import('./sqlite/state-store.ts')
      const file = await openFile(settings, path)
      return keptIn(new SqliteStateStore(file, { exclusive: true, replaceText: replace }), name)
    }
    case undefined:
      throw noStore()
  }
}

function keptIn(state: StateStore, name: string): InstanceState {
  return { state, checkpoints: new StateCheckpoints(state, name) }
}

function noStore(): BingoError {
  return new BingoError('BINGO_CHECKPOINT_STORE_INVALID', 'checkpoint.store is not the address of a store', {
    hint: 'Write redis://host:6379/1, file:/var/lib/bingo/checkpoint, mysql://…, mariadb://…, postgres://… or memory:',
  })
}

/**
 * Opens the dead-letter store. Nothing is read yet, and a server or file that is out of reach is reported by the first
 * use. Rejects with BINGO_DEAD_LETTERS_STORE_INVALID or BINGO_REDIS_URL_INVALID.
 */
export async function openDeadLetterStore(settings: StateSettings, limits: DeadLetterLimits): Promise<DeadLetterStore> {
  const { name, log } = settings
  const place = parseStoreUrl(settings.deadLetters ?? settings.checkpoint)
  switch (place?.tag) {
    case 'memory':
      return new MemoryDeadLetterStore(limits)
    case 'redis':
      return new RedisDeadLetterStore(openRedis(place.url, { log, name: `${name}:dead-letters` }), name, limits)
    case 'sql': {
      const { SqlDeadLetterStore } = await import('./dead-letters/sql-store.ts')
      return new SqlDeadLetterStore(sqlPlace(settings, place), limits)
    }
    case 'file': {
      const { SqliteDeadLetterStore } = await import('./dead-letters/sqlite-store.ts')
      return new SqliteDeadLetterStore(await openFile(settings, stateFilePath(place, name)), limits)
    }
    case undefined:
      throw noLetterStore()
  }
}

/** Opens the store of events that wait, which is where the dead letters are. As `openDeadLetterStore`. */
export async function openWaitingStore(settings: StateSettings): Promise<WaitingStore> {
  const { name, log } = settings
  const place = parseStoreUrl(settings.deadLetters ?? settings.checkpoint)
  switch (place?.tag) {
    case 'memory':
      return new MemoryWaitingStore()
    case 'redis':
      return new RedisWaitingStore(openRedis(place.url, { log, name: `${name}:waiting` }), name)
    case 'sql': {
      const { SqlWaitingStore } = await import('./waiting/sql/store.ts')
      return new SqlWaitingStore(sqlPlace(settings, place))
    }
    case 'file': {
      const { SqliteWaitingStore } = await import('./waiting/sqlite/store.ts')
      return new SqliteWaitingStore(await openFile(settings, stateFilePath(place, name)))
    }
    case undefined:
      throw noLetterStore()
  }
}

function noLetterStore(): BingoError {
  return new BingoError('BINGO_DEAD_LETTERS_STORE_INVALID', 'deadLetters.store is not a valid store address', {
    hint: 'Write redis://host:6379/1, file:/var/lib/bingo/dead-letters, mysql://…, mariadb://…, postgres://… or memory:',
  })
}

/**
 * Opens the store of sagas: `sagas.store`, else where the dead letters are. Rejects with BINGO_SAGA_STORE_INVALID for a place
 * that cannot hold them; as `openDeadLetterStore`.
 */
export async function openSagaStore(settings: StateSettings, url?: string): Promise<SagaStore> {
  const { name, deadLetters, checkpoint, log } = settings
  const address = url ?? deadLetters ?? checkpoint
  const place = parseStoreUrl(address)
  switch (place?.tag) {
    case 'sql': {
      const { SqlSagaStore } = await import('./sagas/sql/store.ts')
      return new SqlSagaStore(parseSqlAddress(place.url))
    }
    case 'memory':
      return new MemorySagaStore()
    case 'file': {
      const { SqliteSagaStore } = await import('./sagas/sqlite-store.ts')
      return new SqliteSagaStore(await openFile(settings, stateFilePath(place, name)))
    }
    case 'redis':
      return new RedisSagaStore(
        openRedis(place.url, { log, name: `${name}:sagas` }),
        name,
        /sentinel|cluster/i.test(place.url.split('://')[0]!),
      )
    case undefined:
      throw new BingoError('BINGO_SAGA_STORE_INVALID', 'sagas.store is not the address of a store', {
        hint: 'Write file:/var/lib/bingo/sagas, mysql://…, mariadb://…, postgres://…, redis://… or memory:',
      })
  }
}

function sqlPlace(
  { name, servers = new StateServers() }: StateSettings,
  { url }: SqlStoreUrl,
  purpose: 'values' | 'leases' = 'values',
): InstancePlace {
  return servers.place(url, name, purpose)
}

/** The lease of an instance beside its checkpoint: who holds it leads. Rejects as `openCheckpointStore` does. */
export async function openLease(settings: StateSettings, ttlMs: number): Promise<Lease> {
  const { name, checkpoint, log } = settings
  const place = parseStoreUrl(checkpoint)
  if (place?.tag === 'redis') {
    const redis = openRedis(place.url, { log, name: `${name}:lease`, commandTimeoutMs: ttlMs / 2 })
    return new RedisLease(redis, { key: leaseKey(name), holder: newHolder(), ttlMs })
  }
  if (place?.tag === 'sql') {
    const { SqlLease } = await import('./sql/lease.ts')
    return new SqlLease(sqlPlace(settings, place, 'leases'), { name: 'leader', holder: newHolder(), ttlMs })
  }
  if (place?.tag === 'memory') {
    return new MemoryLease(new Map(), { name, holder: newHolder(), ttlMs, clock: systemClock })
  }
  throw new BingoError(
    'BINGO_CHECKPOINT_STORE_INVALID',
    'checkpoint.store cannot hold a lease that several machines share',
    {
      hint: 'Set checkpoint.store to a Redis, like redis://cache:6379/1, or to a database, like postgres://bingo:secret@db/bingo.',
    },
  )
}

/** Dead letters of older versions are taken over into the file that holds them from now on. */
async function openFile({ name, checkpoint, deadLetters, log }: StateSettings, path: string) {
  const { StateFile } = await import('./sqlite/state-file.ts')
  const main = parseStoreUrl(checkpoint)
  const isMain = main?.tag === 'file' && stateFilePath(main, name) === path
  return new StateFile({ path, name, letters: isMain && deadLetters === undefined, log })
}
