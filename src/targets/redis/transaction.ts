import type { RedisClient } from '../../clients/redis/redis.ts'
import type { Operation } from './batch.ts'
import { sendPacked } from './once/packed-transaction.ts'
import { isReply, MisfitError } from './replies.ts'

type Outcome = readonly [Error | null, unknown]

/**
 * Sends the commands in one MULTI/EXEC. What makes Redis refuse for lack of memory, role or readiness is found when a
 * command is queued and discards all of them, so no later command of a key runs without the earlier one (invariant 2)
 * and nothing that ran is sent again (invariant 5). A command that is wrong in itself fails alone.
 * One error or null per operation; null when all went well.
 */
export async function sendTransaction(
  client: RedisClient,
  operations: readonly Operation[],
): Promise<readonly (Error | null)[] | null> {
  const commands = operations.filter(isNotEmpty).map(commandOf)
  if (commands.length === 0) return null
  let replies: readonly unknown[]
  try {
    replies = 'nodes' in client ? await sendPipelined(client, commands) : await sendPacked(client, commands)
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

/** As sendPacked, where the client has to find the node and follow slots that move. */
async function sendPipelined(
  client: Pick<RedisClient, 'pipeline'>,
  commands: readonly (readonly string[])[],
): Promise<readonly unknown[]> {
  const pipeline = client.pipeline([['multi'], ...commands.map((command) => [...command]), ['exec']])
  const outcomes: readonly Outcome[] = (await pipeline.exec()) ?? []
  const refusal = outcomes.at(-1)?.[0] ?? null
  if (refusal !== null) throw reasonOf(outcomes, refusal)
  const replies = repliesOf(outcomes, commands.length)
  if (replies === null) throw new MisfitError()
  return replies
}

/** What EXEC answered for each command; null where MULTI, the commands or EXEC were answered as no Redis does. */
function repliesOf(outcomes: readonly Outcome[], count: number): readonly unknown[] | null {
  const replies = outcomes.at(-1)?.[1]
  const fits =
    outcomes.length === count + 2 &&
    outcomes[0]![1] === 'OK' &&
    outcomes.slice(1, -1).every(([, reply]) => reply === 'QUEUED') &&
    Array.isArray(replies) &&
    replies.length === count
  return fits ? (replies as unknown[]) : null
}

/** Why the whole transaction was discarded: one command's refusal stands for all. */
function reasonOf(outcomes: readonly Outcome[], refusal: Error): Error {
  return outcomes.slice(0, -1).find(([error]) => error !== null && isReply(error))?.[0] ?? refusal
}

function isNotEmpty(operation: Operation): boolean {
  return operation.tag === 'command' || operation.keys.size > 0
}

export function commandOf(operation: Operation): string[] {
  return operation.tag === 'remove'
    ? [operation.verb.toLowerCase(), ...operation.keys]
    : [operation.name.toLowerCase(), ...operation.args]
}
