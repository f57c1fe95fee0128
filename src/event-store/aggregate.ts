import type { Aggregate, AggregateOptions, DomainEvent, EventStore, Snapshot } from './contract.ts'
import { wholeNumber } from './arguments.ts'

/** The state of a stream: a snapshot where a fitting one is there, and what happened since. */
export async function aggregate<S>(
  store: EventStore,
  stream: string,
  options: AggregateOptions<S, DomainEvent>,
): Promise<Aggregate<S>> {
  const { snapshot } = options
  const every = wholeNumber('every', snapshot?.every, Infinity, 1)
  const base =
    snapshot === undefined ? null : await fittingSnapshot<S>(store, stream, snapshot.schemaVersion, options.to)
  let state = base === null ? options.initialState() : base.state
  let version = base?.version ?? 0
  for await (const event of store.readStream(stream, { from: version + 1, to: options.to })) {
    state = options.evolve(state, event)
    version = event.version
  }
  if (snapshot !== undefined && version - (base?.version ?? 0) >= every) {
    await store.saveSnapshot(stream, { version, schemaVersion: snapshot.schemaVersion, state })
  }
  return { state, version }
}

/** The newest one that is not newer than `to`. One of events that the stream does not have (any more) is of no use. */
async function fittingSnapshot<S>(
  store: EventStore,
  stream: string,
  schemaVersion: number,
  to: number | undefined,
): Promise<Snapshot<S> | null> {
  const snapshot = await store.readSnapshot<S>(stream, { schemaVersion, maxVersion: to })
  if (snapshot === null) return null
  for await (const _event of store.readStream(stream, { from: snapshot.version, max: 1 })) return snapshot
  return null
}
