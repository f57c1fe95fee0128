import type { Checkpoint } from '../../model/state/checkpoint.ts'
import type { StartPoint } from '../../model/source/position.ts'
import type { HostPort, SourceAddress } from './source-address.ts'

/** How to read one server. The `source` part of the configuration has this shape. */
export interface SourceSettings extends SourceAddress {
  /** Servers that hold the same data, in the order of preference; empty: the one address. */
  readonly hosts: readonly HostPort[]
  /** Where to begin when there is no checkpoint. */
  readonly start: StartPoint
  /** null: derived from the instance name. */
  readonly serverId: number | null
  readonly heartbeatMs: number
  readonly connectTimeoutMs: number
  readonly queryTimeoutMs: number
  readonly reconnect: { readonly minMs: number; readonly maxMs: number }
  /** What to do where the server cannot go on from our position. `stop` unless somebody decided otherwise. */
  readonly onGap: 'stop' | 'earliest' | 'latest'
}

export interface SourceOptions {
  /** Instance name: seed of the server id and of the replica's UUID. */
  readonly name: string
  readonly settings: SourceSettings
  /** null: a first start, at `settings.start`. */
  readonly checkpoint: Pick<Checkpoint, 'position' | 'server'> | null
  /** Reject when the server cannot be reached at the start, instead of waiting for it. */
  readonly failFast: boolean
}
