import type { BuildOptions } from './build/options.ts'
import type { EventsConfig, ScaleConfig } from './config.ts'
import type { SettingPath } from './settings.ts'

/** Null where one process does everything. */
export function scaleOf(
  options: BuildOptions,
  has: { readonly events: EventsConfig | null; readonly eventStore: boolean },
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
    const hint = `Set ${path} to a server that reader and workers reach, like redis://state:6379/0 or postgres://bingo:secret@db/bingo.`
    report(options, path, `${path} is on one machine, and reader and workers share it`, hint)
  }
  if (values['standby.lease'] === 'mysql') {
    const hint = 'Leave standby.lease out: reader and workers have their leases in the state store.'
    report(options, 'standby.lease', 'workers cannot have their leases as locks on the source', hint)
  }
  reportUnshared(options, has.events)
  const hint = 'Run an instance of its own for it, with another name and without scale.'
  if (has.eventStore) report(options, 'eventStore.url', 'an event store does not go through a reader', hint)
  for (const { name, type, location } of contents.brokers) {
    const message = `the source "${name}" does not go through a reader: ${type} divides it among instances itself`
    const own = 'Take it out here, and run instances of their own for it, without scale: they share its group.'
    options.problems.push({ code: 'BINGO_CONFIG_SCALE', severity: 'error', location, message, hint: own })
  }
  const [outbox] = contents.outboxes
  if (outbox !== undefined) {
    const message = `the outbox ${outbox.table} does not go through a reader`
    options.problems.push({ code: 'BINGO_CONFIG_SCALE', severity: 'error', location: outbox.location, message, hint })
  }
  return { through, role, shares }
}

/** What the reader keeps of sagas and posted events is there for its standby. */
function reportUnshared(options: BuildOptions, events: EventsConfig | null): void {
  const kept = [
    ['sagas.store', options.values['sagas.store'], 'redis://state:6379/0 or postgres://…'],
    ['events.store', events?.store, 'redis://…, nats://…, kafka://…, mysql://… or postgres://…'],
    ['events.index', events?.index, 'mysql://… or postgres://…'],
  ] as const
  for (const [path, address, forms] of kept) {
    if (!/^(file|memory):/.test(address ?? '')) continue
    const message = `${path} (${address}) is on one machine, and a standby of the reader would not have it`
    report(options, path, message, `Set ${path} to a server that all readers reach, like ${forms}.`)
  }
}

function report({ contents, problems }: BuildOptions, path: SettingPath, message: string, hint: string): void {
  const location = contents.values.get(path)?.location
  problems.push({ code: 'BINGO_CONFIG_SCALE', severity: 'error', location, message, hint })
}
