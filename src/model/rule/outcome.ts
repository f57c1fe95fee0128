/** Most of what a receiver said that is kept, in bytes. */
const LONGEST_ANSWER = 2_048

/** What a receiver said of a message that it did not take. Row values may stand in it: it goes to dead letters, never to logs or metrics. */
export interface ReceiverAnswer {
  /** Of the protocol: `422`, `INVALID_ARGUMENT`, `1265`. */
  readonly status: string
  /** The first 2 kB. */
  readonly text: string
}

export function receiverAnswer(status: string, text: string): ReceiverAnswer {
  const bytes = Buffer.from(text)
  if (bytes.length <= LONGEST_ANSWER) return { status, text: text.toWellFormed() }
  // A character that was cut in two is not shown.
  return {
    status,
    text: bytes
      .subarray(0, LONGEST_ANSWER)
      .toString('utf8')
      .replace(/\uFFFD$/, ''),
  }
}
