import type { Arrival } from '../checker.ts'

/** A target that remembers what it got, in order. */
export interface Recorder extends AsyncDisposable {
  /** Rules that send every change of the writer's tables there. */
  readonly rules: string
  /** Settings of the daemon that go with them. */
  readonly env: Readonly<Record<string, string>>
  /** Everything so far; the same array, grown, at every call. */
  arrivals(): Promise<readonly Arrival[]>
}
