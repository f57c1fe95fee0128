// oxlint-disable-next-line no-restricted-imports -- a command to be sent, not a connection
import { Command } from 'ioredis'

/** A command whose bytes are already encoded. Answered like any other, in its turn. */
export class RawCommand extends Command {
  readonly #bytes: Buffer

  constructor(name: string, bytes: Buffer) {
    super(name, [])
    this.#bytes = bytes
  }

  override toWritable(): Buffer {
    return this.#bytes
  }
}
