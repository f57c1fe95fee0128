import { accessSync, constants, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { BingoError } from '../../model/errors.ts'
import { parseStoreUrl } from '../../state/store-url.ts'

/**
 * A file checkpoint that cannot be written will not become writable by waiting: say so at once. Throws
 * BINGO_CHECKPOINT_NOT_WRITABLE. Other stores are reached, or waited for, by the daemon.
 */
export function requireWritableStore(store: string): void {
  const place = parseStoreUrl(store)
  if (place?.tag !== 'file') return
  const folder = place.isFolder ? place.path : dirname(place.path)
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new BingoError(
      'BINGO_CHECKPOINT_NOT_WRITABLE',
      `cannot write the checkpoint to ${folder} (${(cause as NodeJS.ErrnoException).code ?? 'error'})`,
      {
        hint: 'Set BINGO_CHECKPOINT_STORE to file:PATH in a folder that this user can write to, or to redis://host:6379/1.',
        cause,
      },
    )
  }
}
