import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NODE_FLAGS } from '../../src/model/node-runtime.ts'
import { freePort } from '../support/daemon.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
/** Hang detection: the dependencies may have to be fetched. */
const INSTALL_TIMEOUT_MS = 600_000

let folder: string
const env = { ...process.env, BINGO_HTTP_LISTEN: 'off', BINGO_RULES: 'rules.yaml' }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-package-'))
  // Without the script that empties dist/ first: other tests may run from there.
  await run('npm', ['run', 'build'], { cwd: ROOT })
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT })
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!
  await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}')
  const rules = 'rules: [{id: audit, table: users, actions: [{type: log}]}]'
  await writeFile(join(folder, 'rules.yaml'), rules)
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder })
}, INSTALL_TIMEOUT_MS)

afterAll(() => rm(folder, { recursive: true, force: true }))

function bingo(...args: string[]) {
  return run(join(folder, 'node_modules/.bin/bingo'), args, { cwd: folder, env })
}

test('The installed command prints its version and checks rules', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect((await bingo('--version')).stdout).toBe(`${version}\n`)
  expect((await bingo('check')).stdout).toContain('1 rule in 1 file')
})

test('The libraries of every start are inside, with their licences; the others are installed', async () => {
  const licences = await readFile(join(folder, 'node_modules/bingo-cdc/dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  const installed = await readdir(join(folder, 'node_modules'))
  for (const name of ['commander', 'handlebars', 'ioredis', 'mysql2', 'pino', 'yaml']) {
    expect(licences).toMatch(new RegExp(`^${name} [\\d.]+ \\((MIT|ISC)\\)$`, 'm'))
    expect(installed).not.toContain(name)
  }
  expect(installed).toEqual(expect.arrayContaining(['iconv-lite', 'prom-client', 'rabbitmq-client', 're2js', 'undici']))
})

test('npx runs it too', async () => {
  expect((await run('npx', ['--no-install', 'bingo', 'check'], { cwd: folder, env })).stdout).toContain(
    '1 rule in 1 file',
  )
})

test("The installed daemon runs with the image's flags of Node, under the id that it was started with", async () => {
  const daemon = spawn(join(folder, 'node_modules/.bin/bingo'), ['run'], {
    cwd: folder,
    env: {
      ...env,
      NODE_OPTIONS: '',
      BINGO_SOURCE_URL: `mysql://bingo@127.0.0.1:${await freePort()}`,
      BINGO_CHECKPOINT_STORE: 'memory:',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    for await (const line of createInterface({ input: daemon.stdout })) {
      const { msg, pid } = JSON.parse(line) as { msg: string; pid?: number }
      if (msg !== 'starting') continue
      expect(pid).toBe(daemon.pid)
      const commandLine = await readFile(`/proc/${daemon.pid}/cmdline`, 'utf8')
      expect(commandLine.split('\0')).toEqual(expect.arrayContaining([...NODE_FLAGS, 'run']))
      return
    }
    throw new Error('the daemon did not start')
  } finally {
    daemon.kill('SIGKILL')
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit')
  }
})

test('Programs can import the types of events and of the library, and the version', async () => {
  await writeFile(
    join(folder, 'use.ts'),
    `import { createPipeline, defineTable, groupSource, rowChange, version } from 'bingo-cdc'
import type { ChangeEvent, CloudEvent, DeadLetter, Source, Status, TargetType } from 'bingo-cdc'
const table = defineTable({ schema: 's', name: 't', columns: { id: 'int' }, key: ['id'] })
const change = rowChange({ table, op: 'insert', new: { id: 1 } })
const source: Source<{ n: number }> = groupSource({ name: 'own', read: () => [{ id: '1', changes: [change], end: { n: 1 } }] })
const target: TargetType = { type: 'own', open: () => ({ send: (messages) => console.log(messages.length) }) }
export const pipeline = createPipeline({
  name: 'app',
  sources: [source, { type: 'mysql', url: 'mysql://a:b@c' }],
  rules: 'rules: []',
  targets: [target],
  state: 'memory:',
})
export const id = (event: CloudEvent): string => event.data.id
export const tables = (events: readonly ChangeEvent[]): string[] => events.map(({ table }) => table)
export const reason = (letter: DeadLetter): string | undefined => letter.attempts.at(-1)?.code
export const ready = (status: Status): boolean => status.ready
export const text: string = version()
`,
  )
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types')]
  const problems = await run(tsc, [...flags, ...types, 'use.ts'], { cwd: folder }).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  )
  expect(problems).toBe('')
  const program = "import('bingo-cdc').then(({ version }) => console.log(version()))"
  const { stdout } = await run(process.execPath, ['--eval', program], { cwd: folder })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('The example runs on the installed package', async () => {
  const example = await readFile(join(folder, 'node_modules/bingo-cdc/examples/custom-source-and-target.ts'), 'utf8')
  await writeFile(join(folder, 'example.ts'), example.replaceAll("'../src/index.ts'", "'bingo-cdc'"))
  const { stdout } = await run(process.execPath, ['example.ts'], { cwd: folder })
  expect(stdout).toContain('{"id":"line-2/0","body":{"order":2,"total":8}}')
})
