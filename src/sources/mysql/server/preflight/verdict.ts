/** What mysql2, Node's sockets and the server put on an error. */
export interface RawError {
  readonly code?: string | undefined
  readonly errno?: number | undefined
  readonly message: string
}

/** What an error means: its stable code, whether waiting can help, and what the operator does. */
export interface Verdict {
  readonly code: string
  readonly retryable: boolean
  readonly hint: string
  /** In place of the message of the client library, where that does not help. */
  readonly message?: string
}
