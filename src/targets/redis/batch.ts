import type { Content } from '../../model/event/bytes/content.ts'
import type { Sendable } from '../../model/rule/action.ts'
import { effectId } from '../plan/effect-id.ts'
import type { CommandPayload, RedisActionOptions, RemovePayload } from './options.ts'

/** Keys in one DEL or UNLINK: enough to make the round trip vanish, few enough not to hold up other clients. */
const MAX_KEYS = 1_000

/** One command to send, and the jobs `[from, to)` of the batch that it stands for. */
export type Operation =
  | {
      readonly tag: 'remove'
      readonly verb: string
      readonly keys: Set<string>
      readonly from: number
      readonly to: number
    }
  | {
      readonly tag: 'command'
      readonly name: string
      readonly args: readonly string[]
      /** Name of the effect where it may happen once only (`exactlyOnce`). */
      readonly once: string | null
      readonly from: number
      readonly to: number
    }

/** Is given the commands of a batch, in order. */
export interface CommandSink {
  remove(verb: string, keys: Set<string>, from: number, to: number): void
  command(name: string, args: readonly Content[], from: number, to: number, once: Sendable | null): void
}

/**
 * Gives the commands for a batch of jobs, in order. Neighbouring DELs (or UNLINKs), of whatever action, become one
 * multi-key command; a key that is in it already is not named again, as nothing stands between the two.
 */
export function giveCommands(jobs: readonly Sendable[], sink: CommandSink): void {
  let verb = ''
  let keys: Set<string> | null = null
  let from = 0
  for (let i = 0; i < jobs.length; i++) {
    const job = jobs[i]!
    const { removes, command, exactlyOnce } = job.action.options as RedisActionOptions
    const payload = removes ? null : (job.payload as CommandPayload)
    if (payload !== null && payload.remove !== true) {
      if (keys !== null) sink.remove(verb, keys, from, i)
      keys = null
      const { address, args, omitted } = payload
      // A hash of nothing: an INSERT, or an UPDATE, of NULLs alone.
      if (omitted === undefined || args.length > 1) sink.command(command, args, i, i + 1, exactlyOnce ? job : null)
      if (omitted !== undefined && omitted.length > 0) sink.command('HDEL', [address, ...omitted], i, i + 1, null)
      continue
    }
    const jobVerb = removes ? command : 'DEL'
    if (keys === null || verb !== jobVerb || keys.size >= MAX_KEYS) {
      if (keys !== null) sink.remove(verb, keys, from, i)
      verb = jobVerb
      keys = new Set()
      from = i
    }
    addKeys(keys, payload === null ? (job.payload as RemovePayload) : payload.args.map(String))
  }
  if (keys !== null) sink.remove(verb, keys, from, jobs.length)
}

/** All of it as text: for the client's own encoder, and for scripts. */
export function planCommands(jobs: readonly Sendable[]): Operation[] {
  const operations: Operation[] = []
  giveCommands(jobs, {
    remove: (verb, keys, from, to) => operations.push({ tag: 'remove', verb, keys, from, to }),
    command: (name, args, from, to, once) =>
      operations.push({
        tag: 'command',
        name,
        args: args.map(String),
        once: once === null ? null : effectId(once),
        from,
        to,
      }),
  })
  return operations
}

function addKeys(keys: Set<string>, payload: RemovePayload): void {
  if (typeof payload === 'string') keys.add(payload)
  else for (const key of payload) keys.add(key)
}
