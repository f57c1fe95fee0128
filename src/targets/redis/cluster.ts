import type { RedisClient } from '../../clients/redis/redis.ts'
import type { Operation } from './batch.ts'
import { isReply, MisfitError } from '../../clients/redis/replies.ts'
import { slotOf } from './slot.ts'
import { isNotEmpty } from './transaction.ts'

/** Only a Cluster has nodes. */
export type Cluster = Extract<RedisClient, { nodes: unknown }>

/** The part of an operation that lies in one slot. */
interface SlotPart {
  readonly operation: Operation
  /** Place of the whole operation in the send. */
  readonly index: number
}

/**
 * A Cluster takes multi-key commands and transactions within one slot only. What lies in one slot keeps its order;
 * slots are independent of each other, as one key is always in one slot.
 * One error or null per operation; null when all went well.
 */
export async function sendToCluster(
  cluster: Cluster,
  operations: readonly Operation[],
): Promise<readonly (Error | null)[] | null> {
  const errors: (Error | null)[] = operations.map(() => null)
  const sends = [...bySlot(operations).values()].map(async (parts) => {
    const outcomes = await sendSlot(cluster, parts)
    if (outcomes !== null) for (const [i, part] of parts.entries()) errors[part.index] ??= outcomes[i] ?? null
  })
  await Promise.all(sends)
  return errors.some((error) => error !== null) ? errors : null
}

async function sendSlot(cluster: Cluster, parts: readonly SlotPart[]): Promise<readonly (Error | null)[] | null> {
  const only = parts.length === 1 ? parts[0]!.operation : null
  if (only === null)
    return sendPipeline(
      cluster,
      parts.map((part) => part.operation),
    )
  try {
    if (only.tag === 'remove') await cluster.call(only.verb, ...only.keys)
    else await cluster.call(only.name, ...only.args)
    return null
  } catch (error) {
    return [error as Error]
  }
}

function bySlot(operations: readonly Operation[]): Map<number, SlotPart[]> {
  const slots = new Map<number, SlotPart[]>()
  const add = (slot: number, part: SlotPart): void => {
    const parts = slots.get(slot)
    if (parts === undefined) slots.set(slot, [part])
    else parts.push(part)
  }
  for (const [index, operation] of operations.entries()) {
    if (operation.tag === 'command') {
      add(slotOf(operation.args[0]!), { operation, index })
      continue
    }
    const keysBySlot = new Map<number, Set<string>>()
    for (const key of operation.keys) {
      const slot = slotOf(key)
      const keys = keysBySlot.get(slot)
      if (keys === undefined) keysBySlot.set(slot, new Set([key]))
      else keys.add(key)
    }
    for (const [slot, keys] of keysBySlot) add(slot, { operation: { ...operation, keys }, index })
  }
  return slots
}

type Outcome = readonly [Error | null, unknown]

/** As TransactionSender, where the client has to find the node and follow slots that move. */
async function sendPipeline(
  cluster: Cluster,
  operations: readonly Operation[],
): Promise<readonly (Error | null)[] | null> {
  const commands = operations.filter(isNotEmpty).map(commandOf)
  if (commands.length === 0) return null
  let replies: readonly unknown[]
  try {
    const outcomes: readonly Outcome[] = (await cluster.pipeline([['multi'], ...commands, ['exec']]).exec()) ?? []
    replies = repliesOf(outcomes, commands.length)
  } catch (error) {
    return operations.map(() => error as Error)
  }
  if (!replies.some((reply) => reply instanceof Error)) return null
  let next = 0
  return operations.map((operation) => {
    const reply = isNotEmpty(operation) ? replies[next++] : null
    return reply instanceof Error ? reply : null
  })
}

/** What EXEC answered for each command. Throws where MULTI, the commands or EXEC were refused, or not answered as by Redis. */
function repliesOf(outcomes: readonly Outcome[], count: number): readonly unknown[] {
  const refusal = outcomes.at(-1)?.[0] ?? null
  if (refusal !== null) throw reasonOf(outcomes, refusal)
  const replies = outcomes.at(-1)?.[1]
  const fits =
    outcomes.length === count + 2 &&
    outcomes[0]![1] === 'OK' &&
    outcomes.slice(1, -1).every(([, reply]) => reply === 'QUEUED') &&
    Array.isArray(replies) &&
    replies.length === count
  if (!fits) throw new MisfitError()
  return replies as unknown[]
}

/** Why the whole transaction was discarded: one command's refusal stands for all. */
function reasonOf(outcomes: readonly Outcome[], refusal: Error): Error {
  return outcomes.slice(0, -1).find(([error]) => error !== null && isReply(error))?.[0] ?? refusal
}

function commandOf(operation: Operation): string[] {
  return operation.tag === 'remove'
    ? [operation.verb.toLowerCase(), ...operation.keys]
    : [operation.name.toLowerCase(), ...operation.args]
}
