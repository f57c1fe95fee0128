import { accessSync, closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { keptFiles, type Kept } from '../../app/config/build/kept-files.ts'
import { BingoError } from '../../model/errors.ts'

/** Files of SQLite beside a database. */
const BESIDE = ['', '-wal', '-shm']

/**
 * A file that cannot be written will not become writable by waiting: say so at once. Throws BINGO_CHECKPOINT_NOT_WRITABLE, or
 * BINGO_FILE_NOT_WRITABLE for the others. Stores on servers are reached, or waited for, by the daemon.
 */
export function requireWritableStores(config: Kept): void {
  for (const { setting, holds, path } of keptFiles(config)) {
    try {
      mkdirSync(dirname(path), { recursive: true })
      accessSync(dirname(path), constants.W_OK | constants.X_OK)
      for (const end of BESIDE) requireWritable(path + end)
    } catch (cause) {
      const { code = 'error', path: refused = path } = cause as NodeJS.ErrnoException
      const isCheckpoint = setting === 'checkpoint.store'
      throw new BingoError(
        isCheckpoint ? 'BINGO_CHECKPOINT_NOT_WRITABLE' : 'BINGO_FILE_NOT_WRITABLE',
        `cannot write ${isCheckpoint ? 'the checkpoint' : holds} to ${refused} (${code})`,
        {
          hint: `Let this user write there, or set ${setting} to file:PATH in a folder of its own, or to a server.`,
          cause,
        },
      )
    }
  }
}

/** One that is not there is made. */
function requireWritable(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDWR))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
