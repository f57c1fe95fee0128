import type { RedisClient } from '../../../clients/redis.ts'
import type { Operation } from './batch.ts'

/**
 * Sends the commands in one MULTI/EXEC. What makes Redis refuse for lack of memory, role or readiness is found when a
 * command is queued and discards all of them, so no later command of a key runs without the earlier one (invariant 2)
 * and nothing that ran is sent again (invariant 5). A command that is wrong in itself fails alone.
 * One error or null per operation; null when all went well.
 */
export async function sendTransaction(
  client: Pick<RedisClient, 'multi'>,
  operations: readonly Operation[],
): Promise<readonly (Error | null)[] | null> {
  const commands = operations.filter(isNotEmpty).map(commandOf)
  if (commands.length === 0) return null
  let replies: readonly (readonly [Error | null, unknown])[]
  try {
    replies = (await client.multi(commands).exec()) ?? []
  } catch (error) {
    return spread(operations, error as Error)
  }
  if (replies.every(([error]) => error === null)) return null
  let next = 0
  return operations.map((operation) => (isNotEmpty(operation) ? (replies[next++]?.[0] ?? null) : null))
}

/** Why the whole transaction was discarded: one command's refusal stands for all. */
function spread(operations: readonly Operation[], error: Error): readonly (Error | null)[] {
  const previous = (error as { previousErrors?: readonly Error[] }).previousErrors ?? []
  const reason = previous.find((candidate) => isReply(candidate)) ?? error
  return operations.map(() => reason)
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
