/** One thing about the server that keeps BinGo from reading it, or that an operator should know. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: string
  /** What is wrong and what follows from it. */
  readonly message: string
  /** What mends it: SQL, or the line of the server's configuration file; null where nothing simple does. */
  readonly sql: string | null
}

/** Keeps the source from starting. */
export function error(code: string, message: string, sql: string | null): Finding {
  return { severity: 'error', code, message, sql }
}

export function warning(code: string, message: string, sql: string | null): Finding {
  return { severity: 'warning', code, message, sql }
}
