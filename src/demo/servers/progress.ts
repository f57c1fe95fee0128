/** Told, in words for people, about work that takes seconds: "fetching MySQL (60 packages, 66 MB) …". */
export type Progress = (message: string) => void

/** Writes each message as a line on stderr, so that stdout stays free for data. */
export const progressOnStderr: Progress = (message) => {
  process.stderr.write(`${message}\n`)
}
