import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { CLIENT_FILES } from '../../../.config/rooms.ts'

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url))

/** What a start of the daemon with rules for Redis loads, beside mysql2; the rest is loaded by those who need it. */
const NEEDED = ['@marcbachmann/cel-js', '@vlasky/zongji', 'handlebars', 'ioredis', 'pino']

const PROGRAM = `
import { registerHooks } from 'node:module'
const files = []
registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) })
await import('${SRC}cli/program.ts')
await import('${SRC}cli/daemon/run-daemon.ts')
await import('${SRC}targets/redis/target.ts')
await import('${SRC}state/sqlite/state-file.ts')
process.stdout.write(JSON.stringify({ files, parts: process.moduleLoadList }))
process.exit()`

async function loadedAtStart(): Promise<{ readonly files: readonly string[]; readonly parts: readonly string[] }> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    maxBuffer: 16 * 1024 * 1024,
  })
  return JSON.parse(stdout) as Awaited<ReturnType<typeof loadedAtStart>>
}

test('A start loads the clients that its rules name, and neither those of others nor the web client of Node', async () => {
  const { files, parts } = await loadedAtStart()
  const packages = Object.keys(CLIENT_FILES)
  const loaded = packages.filter((name) => files.some((file) => file.includes(`/node_modules/${name}/`)))
  expect(loaded.toSorted()).toEqual(NEEDED)
  expect(parts.filter((part) => part.includes('undici'))).toEqual([])
  expect(files.filter((file) => /handlebars\/.*(runtime|javascript-compiler)|source-map/.test(file))).toEqual([])
})
