import { HELD_FACTOR } from '../../model/delivery/waiting.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { WaitingState } from '../../model/stats.ts'

/** How many bytes one line holds: what the store told last, and what went in since then. Asked for each job. */
export class SpoolBytes {
  private readonly state: Pick<WaitingState, 'lines'>
  private readonly line: string
  private told: WaitingState['lines'] | null = null
  private bytes = 0

  constructor(state: Pick<WaitingState, 'lines'>, line: string) {
    this.state = state
    this.line = line
  }

  get held(): number {
    const { lines } = this.state
    if (this.told !== lines) {
      this.told = lines
      this.bytes = lines.get(this.line)?.bytes ?? 0
    }
    return this.bytes
  }

  /** The job is on its way into the line. */
  add({ bytes }: InFlightJob): void {
    this.bytes += bytes / HELD_FACTOR
  }
}
