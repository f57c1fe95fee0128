/** A text is not the address of a server, or names a file that cannot be read. */
export class AddressError extends Error {
  /** What to write instead. */
  readonly hint: string
  /** The address as such is right. */
  readonly isFile: boolean

  constructor(why: string, hint: string, { isFile = false, cause }: { isFile?: boolean; cause?: unknown } = {}) {
    super(why, { cause })
    this.hint = hint
    this.isFile = isFile
  }
}
