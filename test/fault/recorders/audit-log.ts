import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Arrival } from '../checker.ts'
import { arrivalOf, NOTE, recordingRules } from './recorder.ts'
import type { Note, Recorder } from './recorder.ts'

const CHUNK_BYTES = 1 << 20

/** A file of lines, read as it grows. */
export async function recordAuditLog(): Promise<Recorder> {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-audit-'))
  const path = join(folder, 'audit.ndjson')
  const file = await open(path, 'a+')
  const seen: Arrival[] = []
  const chunk = Buffer.alloc(CHUNK_BYTES)
  let [offset, rest] = [0, '']
  return {
    rules: recordingRules(`{type: log, path: "${path}", body: ${NOTE}}`),
    env: {},
    arrivals: async () => {
      for (;;) {
        const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, offset)
        if (bytesRead === 0) return seen
        offset += bytesRead
        const lines = (rest + chunk.toString('latin1', 0, bytesRead)).split('\n')
        rest = lines.pop()!
        for (const line of lines) seen.push(arrivalOf(JSON.parse(line) as Note))
      }
    },
    [Symbol.asyncDispose]: async () => {
      await file.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
