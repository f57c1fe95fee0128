import type { Sendable } from '../../model/rule/action.ts'
import { effectId } from './once/effect-id.ts'
import type { CommandPayload, RedisActionOptions, RemovePayload } from './options.ts'

/** Keys in one DEL or UNLINK: enough to make the round trip vanish, few enough not to hold up other clients. */
const MAX_KEYS = 1_000

/** One command to send, and the jobs `[from, to)` of the batch that it stands for. */
export type Operation =
  | { readonly tag: 'remove'; readonly verb: string; readonly keys: Set<string>; readonly from: number; to: number }
  | {
      readonly tag: 'command'
      readonly name: string
      readonly args: readonly string[]
      /** Name of the effect where it may happen once only (`exactlyOnce`). */
      readonly once: string | null
      readonly from: number
      to: number
    }

/**
 * The commands for a batch of jobs, in order. Neighbouring DELs (or UNLINKs), of whatever action, become one multi-key
 * command; a key that is in it already is not named again, as nothing stands between the two.
 */
export function planCommands(jobs: readonly Sendable[]): Operation[] {
  const operations: Operation[] = []
  let run: (Operation & { tag: 'remove' }) | null = null
  for (let i = 0; i < jobs.length; i++) {
    const job = jobs[i]!
    const { removes, command, exactlyOnce } = job.action.options as RedisActionOptions
    const previousKey = removes ? null : (job.payload as CommandPayload)
    if (previousKey !== null && previousKey.remove !== true) {
      run = null
      const once = exactlyOnce ? effectId(job) : null
      const { address, args, omitted } = previousKey
      // A hash of nothing: an INSERT, or an UPDATE, of NULLs alone.
      if (omitted === undefined || args.length > 1)
        operations.push({ tag: 'command', name: command, args, once, from: i, to: i + 1 })
      if (omitted !== undefined && omitted.length > 0)
        operations.push({ tag: 'command', name: 'HDEL', args: [address, ...omitted], once: null, from: i, to: i + 1 })
      continue
    }
    const verb = removes ? command : 'DEL'
    if (run === null || run.verb !== verb || run.keys.size >= MAX_KEYS) {
      run = { tag: 'remove', verb, keys: new Set(), from: i, to: i }
      operations.push(run)
    }
    run.to = i + 1
    addKeys(run.keys, previousKey === null ? (job.payload as RemovePayload) : previousKey.args)
  }
  return operations
}

function addKeys(keys: Set<string>, payload: RemovePayload): void {
  if (typeof payload === 'string') keys.add(payload)
  else for (const key of payload) keys.add(key)
}
