import type { CarriedError } from './carried-error.ts'

/** What a thread is started with. */
export interface ThreadData {
  /** Action type, whose client the thread runs. */
  readonly type: ThreadedType
  /** Options of the target, as its rules have them. */
  readonly options: ThreadedOptions
}

/** What all such targets have among their options. */
export interface ThreadedOptions {
  /** More than 0. */
  readonly threads: number
  /** Calls in flight at once. */
  readonly concurrency: number
}

export type ThreadedType = 'webhook' | 'grpc'

/** What was asked for since the last message, in order. */
export interface Calls {
  readonly calls: readonly Call[]
  /** Bodies of all of them, one behind the other; null: none has one. */
  readonly bytes: ArrayBuffer | null
  /** Calls that are given up. */
  readonly aborted: readonly number[]
}

export interface Call {
  readonly id: number
  readonly request: unknown
  /** Place of its body in `bytes`; the same twice: none. */
  readonly from: number
  readonly to: number
}

/** What was answered since the last message. */
export type Answers = readonly CallAnswer[]

export interface CallAnswer {
  readonly id: number
  readonly answer?: unknown
  readonly error?: CarriedError
}

/** What a thread does with a call. `body`: valid until it settles. */
export type Serve = (request: unknown, body: Buffer, signal: AbortSignal) => Promise<unknown>
