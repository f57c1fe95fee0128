/** What a lease store answers to whoever asks for the lease. */
export type LeaseAnswer =
  /** It was ours, without interruption, and is for another term. */
  | { readonly tag: 'held' }
  /** It was free and is ours now. `release`: its last holder gave it back; `silence`: nobody says what became of him. */
  | { readonly tag: 'taken'; readonly after: 'release' | 'silence' }
  /** `remainingMs`: the holder may believe himself to be it for so long, at most, if he does not renew it. */
  | { readonly tag: 'other'; readonly holder: string; readonly remainingMs: number }

/** The one lease of all instances of a name: who holds it leads. It ends by itself when it is not renewed. */
export interface Lease {
  /** Printable, no secrets. */
  readonly description: string
  /** Takes the lease where it is free and renews it where it is ours. Rejects with a BingoError when it cannot be asked. */
  ask(): Promise<LeaseAnswer>
  /** Gives it back, if it is ours. */
  release(): Promise<void>
  close(): Promise<void>
}

/** Says whether we still lead. Held by everything that must not act for an instance that another one has replaced. */
export interface Permit {
  /** To be asked right before an effect: costs two looks at the clock. */
  readonly valid: boolean
  /** Resolves once it is valid, after asking the lease's store if need be; rejects when another instance leads. */
  granted(signal?: AbortSignal): Promise<void>
}
