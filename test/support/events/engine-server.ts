import type { Engine } from '../../../src/log/indexed/contract.ts'
import type { TestedStore } from './promises.ts'

/** Pretends to be an index. */
export const OTHER = 'file-1'

/** A server that keeps a log, and what else one can do with it; `url` is the address of a log on it, without an index. */
export interface EngineServer extends AsyncDisposable {
  readonly column: TestedStore['column']
  /** Answers the address of a new log. */
  newUrl(): string
  /** The log by itself. */
  open(url: string): Engine
  /** Publishes what is not an entry: a text, and one that pretends to be an entry. */
  publishOther(url: string): Promise<void>
  /** The places that it has, in its order, all of them. */
  places(url: string): Promise<number[]>
  /** Loses the log with everything in it. */
  lose(url: string): Promise<void>
  kill(): Promise<void>
  restart(): Promise<void>
}
