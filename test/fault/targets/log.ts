import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SmallDisk } from '../../support/small-disk.ts'
import { wholeLines } from './http.ts'
import { arrivalOfJson, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'

const DISK_BYTES = 64 * 1024 * 1024

/** A file has no server to kill: its disk is full instead. */
export async function startLogFile(): Promise<Outlet> {
  const disk = await SmallDisk.create(DISK_BYTES)
  const file = join(disk.folder, 'audit.ndjson')
  return {
    name: 'log file (disk full)',
    keeps: 'history',
    port: null,
    action: `{type: log, path: "${file}", body: ${NOTE}}`,
    breakDown: (_, pid) => disk.fill(pid),
    recover: (_, pid) => disk.free(pid),
    arrivals: async () => wholeLines(await readFile(file, 'utf8')).map(arrivalOfJson),
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  }
}
