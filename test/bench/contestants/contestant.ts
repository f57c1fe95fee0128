/** A kind of target, and a program that does the same writes with nothing but the client library. */
export interface Contestant {
  readonly name: string
  /** So many rows are written: enough for some seconds. */
  readonly rows: number
  start(): Promise<Contest>
}

export interface Contest extends AsyncDisposable {
  /** The action as a YAML flow map, over the columns of the data set. */
  readonly action: string
  /** Writes as many messages as there are rows: the same bytes as those of the action, as a good user of the client would. */
  bare(rows: number): Promise<void>
}

/** What the action sends, and how it reads in a rule. */
export const BODY = '{id: "{{id}}", status: "{{new.status}}", event: "{{event.id}}"}'

export function message(id: number): { id: number; status: number; event: string } {
  return { id, status: 1, event: `3e11fa47-71ca-11e1-9e33-c80aa9429562:42/${id}` }
}

/** What receivers know duplicates by, of the action that has `id: send`. */
export function dedupeId(id: number): string {
  return `${message(id).event}#bench#send`
}

export function json(id: number): string {
  return JSON.stringify(message(id))
}

/** Calls `send` with [from, to) pieces of 0 … rows, so many at a time. */
export async function inPieces(
  rows: number,
  size: number,
  inFlight: number,
  send: (from: number, to: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < rows) {
      const from = next
      next = Math.min(rows, from + size)
      await send(from, next)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
