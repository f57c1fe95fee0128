import { parseChangeLogAddress } from '../../log/changes/address.ts'
import { BingoError } from '../../model/errors.ts'
import type { BuildOptions } from './build.ts'
import type { ScaleConfig } from './config.ts'
import type { SettingPath } from './settings.ts'
import { InvalidValue, text, textParser } from './values.ts'

/** Where changes go from the reader to the workers. */
export const changeLogAddress = textParser((value): string => {
  const address = text(value).trim()
  try {
    parseChangeLogAddress(address)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    throw new InvalidValue(error.message.replace(/^scale\.through cannot be used: /, ''), error.hint ?? '')
  }
  return address
})

/** Null where one process does everything. */
export function scaleOf(
  options: BuildOptions,
  has: { readonly events: boolean; readonly eventStore: boolean },
): ScaleConfig | null {
  const { values, given, contents } = options
  const [through, role, shares] = [values['scale.through'], values['scale.role']!, values['scale.shares']!]
  if (through === undefined) {
    if (role !== 'all' && !given.has('scale.through')) {
      const hint = 'Set it to kafka://host:9092/bingo-changes, nats://host:4222/bingo-changes or redis://host:6379/1.'
      report(options, 'scale.role', `scale.through is missing: a ${role} needs the log of changes`, hint)
    }
    return null
  }
  const stores = ['checkpoint.store', 'deadLetters.store'] as const
  for (const path of stores) {
    if (!/^(file|memory):/.test(values[path] ?? '')) continue
    const hint = `Set ${path} to a Redis that reader and workers reach, like redis://state:6379/0.`
    report(options, path, `${path} is on one machine, and reader and workers share it`, hint)
  }
  if (values['standby.lease'] === 'mysql') {
    const hint = 'Set standby.lease to redis, or leave it out: reader and workers have their leases in the state store.'
    report(options, 'standby.lease', 'workers cannot have their leases as locks on the source', hint)
  }
  const hint = 'Run an instance of its own for it, with another name and without scale.'
  if (has.events) report(options, 'events.store', 'posted events do not go through a reader', hint)
  if (has.eventStore) report(options, 'eventStore.url', 'an event store does not go through a reader', hint)
  const [outbox] = contents.outboxes
  if (outbox !== undefined) {
    const message = `the outbox ${outbox.table} does not go through a reader`
    options.problems.push({ code: 'BINGO_CONFIG_SCALE', severity: 'error', location: outbox.location, message, hint })
  }
  return { through, role, shares }
}

function report({ contents, problems }: BuildOptions, path: SettingPath, message: string, hint: string): void {
  const location = contents.values.get(path)?.location
  problems.push({ code: 'BINGO_CONFIG_SCALE', severity: 'error', location, message, hint })
}
