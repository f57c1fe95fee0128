import type { RedisClient } from '../../../clients/redis.ts'
import type { Operation } from './batch.ts'

type Outcome = readonly [Error | null, unknown]

/**
 * Sends the commands in one MULTI/EXEC. What makes Redis refuse for lack of memory, role or readiness is found when a
 * command is queued and discards all of them, so no later command of a key runs without the earlier one (invariant 2)
 * and nothing that ran is sent again (invariant 5). A command that is wrong in itself fails alone.
 * One error or null per operation; null when all went well.
 */
export async function sendTransaction(
  client: Pick<RedisClient, 'pipeline'>,
  operations: readonly Operation[],
): Promise<readonly (Error | null)[] | null> {
  const commands = operations.filter(isNotEmpty).map(commandOf)
  if (commands.length === 0) return null
  const outcomes: readonly Outcome[] = (await client.pipeline([['multi'], ...commands, ['exec']]).exec()) ?? []
  const refusal = outcomes.at(-1)?.[0] ?? null
  if (refusal !== null) return operations.map(() => reasonOf(outcomes, refusal))
  const replies = repliesOf(outcomes, commands.length)
  if (replies === null) return operations.map(() => new MisfitError())
  if (!replies.some((reply) => reply instanceof Error)) return null
  let next = 0
  return operations.map((operation) => {
    const reply = isNotEmpty(operation) ? replies[next++] : null
    return reply instanceof Error ? reply : null
  })
}

/** The replies do not belong to the commands: the connection cannot be trusted, and nothing is known of the commands. */
export class MisfitError extends Error {
  override readonly name = 'MisfitError'

  constructor() {
    super('its answers do not fit the commands')
  }
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

/** Whether Redis itself answered so, and not the connection; ioredis names its classes after the RESP types. */
export function isReply(error: Error): boolean {
  return error.name === 'ReplyError' || error.name === 'SimpleError' || error.name === 'BlobError'
}
