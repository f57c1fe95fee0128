import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Daemon } from '../support/daemon.ts'
import type { Arrival } from './checker.ts'

/** A folder with what a run saw: histories, logs, checkpoints. Kept when the run fails, or when asked for. */
export class Evidence {
  readonly folder: string
  private readonly watched: Daemon[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Below `parent` (made when missing), or a temporary folder. */
  static async open(name: string, parent?: string): Promise<Evidence> {
    const prefix = `faults-${name.replaceAll(/[^\w.-]/g, '_')}-`
    if (parent === undefined) return new Evidence(await mkdtemp(join(tmpdir(), prefix)))
    await mkdir(parent, { recursive: true })
    return new Evidence(await mkdtemp(join(parent, prefix)))
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.folder, file), text)
  }

  async append(file: string, text: string): Promise<void> {
    await appendFile(join(this.folder, file), text)
  }

  /** What arrived, in order, as NDJSON; and what should have, as the last number of every row. */
  async history(name: string, arrivals: readonly Arrival[], final: ReadonlyMap<string, number>): Promise<void> {
    await this.write(`${name}.arrivals.ndjson`, arrivals.map((arrival) => `${JSON.stringify(arrival)}\n`).join(''))
    await this.write(`${name}.final.json`, JSON.stringify(Object.fromEntries(final), null, 1))
  }

  /** The daemon's log, and its folder with rules, checkpoint and dead letters. */
  async daemon(name: string, daemon: Daemon): Promise<void> {
    await this.write(`${name}.log`, daemon.log.lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    await this.write(`${name}.stderr`, daemon.log.stderr)
    await cp(daemon.folder, join(this.folder, name), { recursive: true })
  }

  /** Its log is kept, whatever becomes of the run. */
  watch(daemon: Daemon): void {
    this.watched.push(daemon)
  }

  /** For a run that could not be made: what its daemons said. Their folders may be gone already. */
  async logs(): Promise<void> {
    for (const [i, daemon] of this.watched.entries()) {
      await this.write(`daemon-${i}.log`, daemon.log.lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      await this.write(`daemon-${i}.stderr`, daemon.log.stderr)
    }
  }

  async discard(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
