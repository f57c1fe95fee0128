import { sql } from '../../../clients/kysely.ts'
import { groupBusy } from '../../errors.ts'
import { MEMBER_COLUMNS, PARTITION_COLUMNS } from '../rows.ts'
import { PARTITIONS } from './partitions.ts'
import type { Share } from './partitions.ts'
import type { EventStore } from '../store.ts'
import { textOf } from '../tables.ts'

/** Stands for the instances that share a group: one of an older version, which reads a group alone, finds it taken. */
const SHARED = 'shared'
const FOR_EVER = 9_000_000_000_000_000

export interface Member {
  readonly holder: string
  /** For people. */
  readonly holderName: string
  readonly leaseMs: number
}

/** What a turn has changed in the tables; to be taken over when it is committed. */
export interface Turn {
  readonly partitions: number
  readonly upTo: number
  /** This instance holds them now, and did not before. */
  readonly taken: readonly number[]
  readonly held: ReadonlySet<number>
  /** Places that are acknowledged behind `upTo`; null: nothing was taken, so there is nothing to learn. */
  readonly ahead: readonly number[] | null
}

/** Locks the group until the transaction ends: who changes what is acknowledged, or who reads what, does so one by one. */
export async function lockGroup({ queries }: EventStore, name: string): Promise<number> {
  const { up_to } = await queries
    .selectFrom('bingo_event_groups')
    .select('up_to')
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return up_to
}

/** Makes a group that is new; it begins behind `after`. Throws BINGO_LOG_GROUP_BUSY when an older version reads it. */
export async function createGroup(store: EventStore, name: string, after: number, log: string): Promise<void> {
  const { queries, dialect } = store
  // Locked: nothing is trimmed that the new group has to read.
  const { trimmed } = await store.lockHead()
  const columns = [
    ['name', 'text'],
    ['up_to', 'bigint'],
    ['lease_until', 'bigint'],
  ] as const
  const group = [name, Math.max(after, trimmed), 0]
  await queries.executeQuery(dialect.insert('bingo_event_groups', columns, [group], { key: 'name', replace: [] }))
  const { holder, holder_name, lease_until, now } = await queries
    .selectFrom('bingo_event_groups')
    .select(['holder', 'holder_name', 'lease_until', dialect.now.as('now')])
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirstOrThrow()
  if (holder !== null && textOf(holder) === SHARED) return
  if (holder !== null && lease_until >= Number(now)) {
    throw groupBusy(log, name, textOf(holder_name ?? 'an instance of an older version'))
  }
  await queries
    .updateTable('bingo_event_groups')
    .set({ holder: SHARED, holder_name: 'instances that share it', lease_until: FOR_EVER })
    .where('name', '=', name)
    .execute()
  const rows = Array.from({ length: PARTITIONS }, (_, partition) => [name, partition, 0])
  const known = { key: 'name', replace: [] }
  await queries.executeQuery(dialect.insert('bingo_event_partitions', PARTITION_COLUMNS, rows, known))
}

/**
 * Says that this instance is there, prolongs its leases, gives away what others are to have and takes what is free of what
 * it is to have itself. Partitions go round the members in the order of their ids.
 */
export async function takeTurn(store: EventStore, name: string, me: Member, share: Share | null): Promise<Turn> {
  const { queries, dialect } = store
  const upTo = await lockGroup(store, name)
  const members = await presentMembers(store, name, me)
  const rows = await queries
    .selectFrom('bingo_event_partitions')
    .select(['part', 'holder', 'lease_until', dialect.now.as('now')])
    .where('name', '=', name)
    .orderBy('part')
    .execute()
  const isWanted = (part: number): boolean => members[part % members.length] === me.holder
  const isMine = ({ holder }: { holder: string | Uint8Array | null }): boolean =>
    holder !== null && textOf(holder) === me.holder
  const held = new Set(rows.filter(isMine).map(({ part }) => part))
  const left = partsToLeave(share, isWanted)
  for (const part of left) held.delete(part)
  const taken = rows
    .filter((row) => !isMine(row) && isWanted(row.part) && (row.holder === null || row.lease_until < Number(row.now)))
    .map(({ part }) => part)
  for (const part of taken) held.add(part)
  const lease = {
    holder: me.holder,
    holder_name: me.holderName,
    lease_until: sql<number>`${dialect.now} + ${me.leaseMs}`,
  }
  const partsOf = queries.updateTable('bingo_event_partitions').where('name', '=', name)
  if (held.size > 0)
    await partsOf
      .set(lease)
      .where('part', 'in', [...held])
      .execute()
  const free = { holder: null, holder_name: null, lease_until: 0 }
  if (left.length > 0) await partsOf.set(free).where('part', 'in', left).where('holder', '=', me.holder).execute()
  const isNew = [...held].some((part) => share?.tenures.has(part) !== true) || taken.length > 0
  return { partitions: rows.length, upTo, taken, held, ahead: isNew ? await aheadOf(store, name) : null }
}

/** Ids in their order. */
async function presentMembers({ queries, dialect }: EventStore, name: string, me: Member): Promise<string[]> {
  const known = { key: 'name', replace: [] }
  const row = [name, me.holder, me.holderName, 0]
  await queries.executeQuery(dialect.insert('bingo_event_members', MEMBER_COLUMNS, [row], known))
  await queries
    .updateTable('bingo_event_members')
    .set({ lease_until: sql<number>`${dialect.now} + ${me.leaseMs}` })
    .where('name', '=', name)
    .where('holder', '=', me.holder)
    .execute()
  const members = queries.deleteFrom('bingo_event_members').where('name', '=', name)
  await members.where('lease_until', '<', dialect.now).execute()
  const rows = await queries.selectFrom('bingo_event_members').select('holder').where('name', '=', name).execute()
  return rows.map(({ holder }) => textOf(holder)).toSorted()
}

/** Those that others are to have, and of which nothing is under way here. */
function partsToLeave(share: Share | null, isWanted: (part: number) => boolean): number[] {
  const left: number[] = []
  for (const [part, tenure] of share?.tenures ?? []) {
    tenure.isLeaving = !isWanted(part)
    if (tenure.isLeaving && tenure.pending.size === 0) left.push(part)
  }
  return left
}

async function aheadOf({ queries }: EventStore, name: string): Promise<number[]> {
  const rows = await queries.selectFrom('bingo_event_ahead').select('place').where('name', '=', name).execute()
  return rows.map(({ place }) => place)
}
